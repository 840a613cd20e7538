"""The text of the bot's config.py: its encoding, its lines as Python counts them, and the place of a node of its tree."""

import ast
import io
import re
import tokenize
from dataclasses import dataclass

LINE_END = re.compile(r"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class EditError(ValueError):
    """Why a setting cannot be edited, or what is wrong with its new value; one sentence."""


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded file. mark: its byte order mark, which `text` does not hold."""

    text: str
    encoding: str
    mark: bytes

    @classmethod
    def of(cls, data: bytes) -> "Text":
        """Decode a file. Raises EditError where encoding it again would not give the same bytes."""
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        except SyntaxError as error:
            raise EditError(f"the file cannot be read: {error.msg}") from None
        mark = _BOM if data.startswith(_BOM) else b""
        plain = "utf-8" if encoding == "utf-8-sig" else encoding
        try:
            text = data[len(mark) :].decode(plain)
            same = text.encode(plain) == data[len(mark) :]
        except UnicodeError:
            same = False
        if not same:
            raise EditError(f"the file cannot be kept as it is in its encoding ({encoding}); edit it by hand")
        return cls(text, plain, mark)

    def spliced(self, start: int, end: int, new: str) -> bytes:
        """The file with `new` in place of the characters from `start` to `end`."""
        return self.mark + (self.text[:start] + new + self.text[end:]).encode(self.encoding)

    def lines(self) -> list[str]:
        """Lines as Python counts them, with their ends."""
        ends = [match.end() for match in LINE_END.finditer(self.text)]
        return [self.text[start:end] for start, end in zip([0, *ends], [*ends, len(self.text)], strict=True) if end > start]

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Where a node begins and ends in the text; columns of the tree are bytes of UTF-8."""
        lines = self.lines()
        assert node.end_lineno is not None
        assert node.end_col_offset is not None

        def place(line: int, column: int) -> int:
            head = lines[line - 1].encode("utf-8")[:column].decode("utf-8")
            return sum(map(len, lines[: line - 1])) + len(head)

        return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)
