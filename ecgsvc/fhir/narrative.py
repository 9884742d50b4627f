"""Checks and writes the XHTML of a Narrative.

R4, section 2.4.0.1: basic formatting of HTML 4.0 chapters 7-11 and 15, links, images and
style attributes; no scripts, forms, event handlers, external entities or active URLs.
"""

import re
from collections.abc import Iterable
from html import escape
from xml.etree import ElementTree as ET

XHTML = "http://www.w3.org/1999/xhtml"

# fmt: off
_ELEMENTS = frozenset({
    "a", "abbr", "acronym", "address", "b", "bdo", "big", "blockquote", "br", "caption",
    "cite", "code", "col", "colgroup", "dd", "dfn", "div", "dl", "dt", "em", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "ol", "p", "pre", "q", "samp",
    "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "tt", "ul", "var",
})
_ATTRIBUTES = frozenset({
    "abbr", "accesskey", "align", "alt", "axis", "border", "cellhalign", "cellpadding",
    "cellspacing", "cellvalign", "char", "charoff", "charset", "cite", "class",
    "colspan", "dir", "frame", "headers", "height", "href", "hreflang", "id", "lang",
    "longdesc", "name", "nowrap", "rel", "rev", "rowspan", "rules", "scope", "shape",
    "span", "src", "start", "style", "summary", "tabindex", "title", "type", "valign",
    "value", "width", "{http://www.w3.org/XML/1998/namespace}lang",
})
# fmt: on
_LINKS = frozenset({"href", "src", "cite", "longdesc"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel", "urn"})
_SAFE_IMAGE = re.compile(r"data:image/(png|jpeg|gif);base64,", re.IGNORECASE)
_IGNORED_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0]")
_ACTIVE_STYLE = re.compile(
    r"expression|javascript|behaviou?r|-moz-binding|@import|url|\\", re.I
)


def problem_of(div: str) -> str | None:
    """Return what is wrong with the XHTML of ``Narrative.div``, or None.

    Declarations and processing instructions are refused before parsing, so entities
    (expansion attacks, external files) cannot be defined.
    """
    if "<!DOCTYPE" in div.upper() or "<!ENTITY" in div.upper() or "<?" in div:
        return "expected XHTML without declarations and processing instructions"
    try:
        root = ET.fromstring(div)  # noqa: S314 (no entities: see above)
    except (ET.ParseError, ValueError):
        return "expected well-formed XHTML"
    except RecursionError:
        return "expected XHTML that is not nested so deeply"
    if root.tag != f"{{{XHTML}}}div":
        return f"expected one div element in the namespace {XHTML}"
    for node in root.iter():
        wrong = _problem_of_element(node)
        if wrong is not None:
            return wrong
    has_image = root.find(f".//{{{XHTML}}}img") is not None
    if not has_image and not "".join(root.itertext()).strip():
        return "expected some text or an image"
    return None


def _problem_of_element(node: ET.Element) -> str | None:
    namespace, _, name = node.tag.rpartition("}")
    if namespace != f"{{{XHTML}" or name not in _ELEMENTS:
        return "expected only basic formatting, links and images: no scripts or forms"
    for attribute, value in node.attrib.items():
        if attribute not in _ATTRIBUTES:
            return "expected only formatting attributes: no event handlers"
        if attribute in _LINKS and not _is_passive(value, is_image=name == "img"):
            return "expected links with http, https, mailto, tel or without a scheme"
        if attribute == "style" and _ACTIVE_STYLE.search(value):
            return "expected style attributes without active content"
    return None


def _is_passive(url: str, *, is_image: bool) -> bool:
    compact = _IGNORED_IN_URLS.sub("", url)
    scheme = _SCHEME.match(compact)
    if scheme is None or scheme[1].lower() in _SAFE_SCHEMES:
        return True
    return is_image and _SAFE_IMAGE.match(compact) is not None


def narrative(paragraphs: Iterable[str]) -> dict[str, str]:
    """Return a generated Narrative of plain paragraphs; their text is escaped."""
    body = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    return {"status": "generated", "div": f'<div xmlns="{XHTML}">{body}</div>'}
