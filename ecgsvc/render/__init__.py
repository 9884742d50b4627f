"""Results in the forms that people and programs read."""

from ecgsvc.render.analysis_document import analysis_document
from ecgsvc.render.ecg_sheet import SheetFormat, draw_sheet, render_sheet, sign_sheet
from ecgsvc.render.explanation_document import ExplanationDocuments, explanation_documents
from ecgsvc.render.explanation_picture import explanation_svg
from ecgsvc.render.sheet_verdict import Verdict, urgent_lines, verdict_of

__all__ = [
    "ExplanationDocuments",
    "SheetFormat",
    "Verdict",
    "analysis_document",
    "draw_sheet",
    "explanation_documents",
    "explanation_svg",
    "render_sheet",
    "sign_sheet",
    "urgent_lines",
    "verdict_of",
]
