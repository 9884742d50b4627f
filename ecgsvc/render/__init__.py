"""Results in the forms that people and programs read."""

from ecgsvc.render.analysis_document import analysis_document
from ecgsvc.render.explanation_document import ExplanationDocuments, explanation_documents
from ecgsvc.render.explanation_picture import explanation_svg

__all__ = [
    "ExplanationDocuments",
    "analysis_document",
    "explanation_documents",
    "explanation_svg",
]
