"""Reads code from the standard input in the language of the argument. Ends with 1 and the place where it is not code of this language."""

import sys

LANGUAGES = ("java", "csharp", "sql")


def parse_sql(code: bytes) -> str | None:
    """The parser of PostgreSQL itself."""
    from pglast import parse_sql as parse
    from pglast.parser import ParseError

    try:
        parse(code.decode())
    except ParseError as error:
        return str(error)
    return None


def parse_tree(language: str, code: bytes) -> str | None:
    """A grammar that also takes statements outside of a class."""
    import tree_sitter
    import tree_sitter_c_sharp
    import tree_sitter_java

    grammars = {"java": tree_sitter_java, "csharp": tree_sitter_c_sharp}
    parser = tree_sitter.Parser(tree_sitter.Language(grammars[language].language()))
    open_nodes = [parser.parse(code).root_node]
    while open_nodes:
        node = open_nodes.pop()
        if node.is_error or node.is_missing:
            return f"line {node.start_point.row + 1}, column {node.start_point.column + 1}: this is not {language}"
        if node.has_error:
            open_nodes.extend(node.children)
    return None


def main() -> int:
    (language,) = sys.argv[1:]
    assert language in LANGUAGES, language
    code = sys.stdin.buffer.read()
    wrong = parse_sql(code) if language == "sql" else parse_tree(language, code)
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
