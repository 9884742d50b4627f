"""What stands in a picture or a PDF, read back without our own writers."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pypdf

SVG = "{http://www.w3.org/2000/svg}"
MM_A_POINT = 25.4 / 72


def svg_paths(root, kind):
    """Each path of a kind as lines, in millimetres."""
    return [
        [np.array(line) for line in _lines_of_path(path)]
        for path in root.iter(f"{SVG}path")
        if path.get("class") == kind
    ]


def _lines_of_path(path):
    scale = float(re.fullmatch(r"scale\(([\d.]+)\)", path.get("transform"))[1])
    for begin, rest in re.findall(r"M(-?\d+ -?\d+)(?:l([-\d ]+))?", path.get("d")):
        moves = np.array([*begin.split(), *rest.split()], dtype=float).reshape(-1, 2)
        yield np.cumsum(moves, axis=0) * scale


def svg_rects(root, kind):
    return [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == kind]


def svg_texts(root):
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def parsed(svg):
    return ElementTree.fromstring(svg)


class PdfPage:
    """The lines and texts of a page, in millimetres from its top left."""

    def __init__(self, content, page=0):
        self._page = pypdf.PdfReader(io.BytesIO(content), strict=True).pages[page]
        self.height = float(self._page.mediabox.height) * MM_A_POINT
        self.width = float(self._page.mediabox.width) * MM_A_POINT
        self.lines: list[tuple[float, np.ndarray]] = []
        self.texts: list[str] = []
        self._read(self._page, self._page.get_contents().get_data(), np.eye(3))

    def lines_of_width(self, width):
        return [line for own, line in self.lines if abs(own - width) < 1e-3]

    def _read(self, holder, data, outer):
        stream = pypdf.generic.ContentStream(None, None)
        stream.set_data(data)
        fonts = {
            name: _letters(font.get_object())
            for name, font in holder["/Resources"].get("/Font", {}).get_object().items()
        }
        stack, matrix, pen, line, text, font = [], outer, 0.0, [], "", {}
        for operands, operator in stream.operations:
            match operator:
                case b"q":
                    stack.append((matrix, pen))
                case b"Q":
                    matrix, pen = stack.pop()
                case b"cm":
                    matrix = _matrix(operands) @ matrix
                case b"w":
                    pen = float(operands[0]) * abs(matrix[0, 0]) * MM_A_POINT
                case b"m":
                    self._keep(line, pen, matrix)
                    line = [operands]
                case b"l":
                    line.append(operands)
                case b"S":
                    self._keep(line, pen, matrix)
                    line = []
                case b"BT":
                    text = ""
                case b"Tf":
                    font = fonts[operands[0]]
                case b"TJ":
                    text += _spoken(operands[0], font)
                case b"ET":
                    self.texts.append(text)
                case b"Do":
                    form = holder["/Resources"]["/XObject"][operands[0]].get_object()
                    self._read(form, form.get_data(), _matrix(form["/Matrix"]) @ matrix)

    def _keep(self, line, pen, matrix):
        if line:
            points = np.array([[float(x), float(y), 1.0] for x, y in line]) @ matrix
            points = points[:, :2] * MM_A_POINT
            points[:, 1] = self.height - points[:, 1]
            self.lines.append((pen, points))


def _matrix(six):
    a, b, c, d, e, f = map(float, six)
    return np.array([[a, b, 0], [c, d, 0], [e, f, 1]])


def _letters(font):
    table = font["/ToUnicode"].get_object().get_data().decode()
    return {
        int(code, 16): bytes.fromhex(text).decode("utf-16-be")
        for code, text in re.findall(r"<([0-9a-f]{4})><([0-9a-f]+)>\n", table)
    }


def _spoken(array, font):
    out = ""
    for each in array:
        if not isinstance(
            each, int | float | pypdf.generic.NumberObject | pypdf.generic.FloatObject
        ):
            codes = each.original_bytes
            pairs = zip(codes[::2], codes[1::2], strict=True)
            out += "".join(font.get(high * 256 + low, "") for high, low in pairs)
    return out
