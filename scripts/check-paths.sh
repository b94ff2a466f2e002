#!/usr/bin/env bash
# Fails if a document names a file that does not exist.
#
# Checked in README.md, ARCHITECTURE.md, CONTRIBUTING.md, CHANGELOG.md and every Markdown file under docs/, examples/, sdk/, e2e/ and bench/:
# - each relative link, and its anchor: a heading or an `<a id="...">` of the file that it points to;
# - each path in backticks, from the root of the repository, from crates/, or from the folder of the document. Globs,
#   `{a,b}` and placeholders such as `<wire>` must match at least one file. A name without a folder (`reason.rs`) must be the name of some file.
# Checked in source files: each `docs/....md`, with its anchor or with `, section 7.1` after it.
# Fenced code is not read. `--self-test` shows that wrong places are found.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files --cached --others --exclude-standard >"$work/files"
sed 's|.*/||' "$work/files" | sort -u >"$work/names"

faults=0
fault() {
    echo "$1: $2" >&2
    faults=$((faults + 1))
}

# `<wire>` stands for any name, and so does `...` between two slashes.
as_pattern() {
    sed -e 's|<[a-z][a-z-]*>|*|g' -e 's|/\.\.\./|/*/|g' <<<"$1"
}

# Whether each alternative of a pattern, below a folder, matches a file. Text comes here only when it is made of safe characters.
matches() {
    local folder=$1 alternative alternatives
    eval "alternatives=($(sed 's|[*?]|\\&|g' <<<"$2"))"
    for alternative in "${alternatives[@]}"; do
        # `compgen` does not look at a path that ends in a slash: the folder itself has to be there, with something in it.
        [[ $alternative != */ ]] || alternative+='*'
        compgen -G "$folder$alternative" >/dev/null || git check-ignore -q "$folder$alternative" 2>/dev/null || return 1
    done
}

exists_as_path() {
    local pattern folder
    pattern=$(as_pattern "$2")
    for folder in "" crates/ "$(dirname "$1")/"; do
        if matches "$folder" "$pattern"; then return 0; fi
    done
    return 1
}

# What a heading is called in a link, as GitHub builds it, and the ids that a file gives itself.
anchors_of() {
    local cache=$work/anchors/$1
    if [[ ! -e $cache ]]; then
        mkdir -p "$(dirname "$cache")"
        awk '
            /^ *(```|~~~)/ { fenced = !fenced; next }
            fenced { next }
            {
                line = $0
                while (match(line, /<a (id|name)="[^"]*"/)) {
                    id = substr(line, RSTART, RLENGTH)
                    sub(/^[^"]*"/, "", id); sub(/"$/, "", id)
                    print id
                    line = substr(line, RSTART + RLENGTH)
                }
            }
            /^#+ / {
                title = $0
                sub(/^#+ +/, "", title)
                title = tolower(title)
                gsub(/<[^>]*>/, "", title)
                gsub(/\]\([^)]*\)/, "", title)
                gsub(/[^a-z0-9 _-]/, "", title)
                gsub(/ /, "-", title)
                print (seen[title]++ ? title "-" seen[title] - 1 : title)
            }
        ' "$1" >"$cache"
    fi
    echo "$cache"
}

has_anchor() {
    grep -qxF -- "$2" "$(anchors_of "$1")"
}

# Prints the places of a document: line, kind (link or code), text.
places_of() {
    awk '
        /^ *(```|~~~)/ { fenced = !fenced; next }
        fenced { next }
        {
            line = $0
            while (match(line, /`[^`]+`/)) {
                print NR "\tcode\t" substr(line, RSTART + 1, RLENGTH - 2)
                line = substr(line, 1, RSTART - 1) " " substr(line, RSTART + RLENGTH)
            }
            line = $0
            while (match(line, /\]\([^) ]+\)/)) {
                print NR "\tlink\t" substr(line, RSTART + 2, RLENGTH - 3)
                line = substr(line, RSTART + RLENGTH)
            }
        }
    ' "$1"
}

check_link() {
    local file=$1 line=$2 target=$3 path anchor=
    [[ $target =~ ^[a-z][a-z0-9+.-]*: ]] && return
    path=${target%%#*}
    [[ $target == *#* ]] && anchor=${target#*#}
    if [[ -z $path ]]; then
        path=$file
    else
        path=$(dirname "$file")/$path
    fi
    if [[ ! -e $path ]]; then
        fault "$file:$line" "the link leads to nothing: $target"
    elif [[ -n $anchor && -f $path ]] && ! has_anchor "${path#./}" "$anchor"; then
        fault "$file:$line" "no heading has this anchor: $target"
    fi
}

# A name with one of these endings is a file of this repository, with or without a folder.
of_ours='\.(rs|md|sh|sql)$'
# A path with one of these endings is a file of this repository. Without a folder it may be a file of the reader.
of_files='(/|\.(rs|md|sh|sql|ts|mjs|py|js|toml|json|ndjson|html|css|yml|yaml|lock))$'

check_code() {
    local file=$1 line=$2 text=$3 first
    [[ $text =~ ^[A-Za-z0-9_.\{\},*\<\>/-]+$ ]] || return 0
    # A path of a URL or of the reader's machine, an option, a path that is cut.
    [[ $text == [/\<-]* || $text == ...* ]] && return
    if [[ $text != */* ]]; then
        [[ $text =~ $of_ours && $text != *[*\<{]* ]] || return 0
        grep -qxF -- "$text" "$work/names" || fault "$file:$line" "no file has this name: $text"
        return
    fi
    first=${text%%/*}
    if [[ ! -e $first && ! -e crates/$first && ! $text =~ $of_files ]]; then return; fi
    exists_as_path "$file" "$text" || fault "$file:$line" "no such file: $text"
}

check_document() {
    local line kind text
    while IFS=$'\t' read -r line kind text; do
        "check_$kind" "$1" "$line" "$text"
    done < <(places_of "$1")
}

if [[ ${1:-} == --self-test ]]; then
    document=$work/document.md
    cat >"$document" <<'END'
# A heading of this file: `code`, and more
Right: `scripts/check-paths.sh`, `scripts/{fuzz,check-sdk}.sh`, `server/src/api/<wire>/mod.rs`, `docs/*.md`, `check-paths.sh`, `target/release/passkeyd`,
`/v2/Services`, `application/json`, `Passkeys/Factors`, `case.ndjson`, `--out docs/nothing.md`, [this](#a-heading-of-this-file-code-and-more), [out](https://example.com/docs/nothing.md).
Wrong: `scripts/no-such-file.sh`
Wrong: `scripts/{fuzz,no-such-file}.sh`
Wrong: `server/src/api/<wire>/no_such_file.rs`
Wrong: `docs/no-such-*.md`
Wrong: `docs/no-such-folder/`
Wrong: `no-such-file.rs`
Wrong: [a file](no-such-file.md)
Wrong: [an anchor](#no-such-heading)
```text
`scripts/not-read.sh`
```
END
    check_document "$document" 2>"$work/found"
    wrong=$(grep -c '^Wrong' "$document")
    if [[ $faults != "$wrong" ]] || [[ $(cut -d: -f2 "$work/found") != $(grep -n '^Wrong' "$document" | cut -d: -f1) ]]; then
        cat "$work/found" >&2
        echo "check-paths.sh: the self-test found $faults places, not $wrong" >&2
        exit 1
    fi
    exit
fi

documents() {
    grep -E '^((README|ARCHITECTURE|CONTRIBUTING|CHANGELOG)\.md|(docs|examples|sdk|e2e|bench)/.*\.md)$' "$work/files"
}

while IFS= read -r file; do
    check_document "$file"
done < <(documents)

# What source files say of documents.
while IFS=: read -r file line target; do
    path=${target%%[#,]*}
    section=${target##*section }
    if [[ ! -e $path ]]; then
        fault "$file:$line" "no such file: $path"
    elif [[ $target == *#* ]] && ! has_anchor "$path" "${target#*#}"; then
        fault "$file:$line" "no heading has this anchor: $target"
    elif [[ $target == *", section "* ]] && ! grep -qE "^#+ ${section//./\\.}\\.? " "$path"; then
        fault "$file:$line" "no heading has this number: $target"
    fi
done < <(grep -E '\.(rs|ts|mjs|py|sh|toml|html|js)$|^test\.sh$' "$work/files" | grep -v '^scripts/check-paths\.sh$' |
    xargs -d '\n' grep -noE '\bdocs/[a-z0-9_/-]+\.md(#[A-Za-z0-9_-]+|, section [0-9]+(\.[0-9]+)*)?' -- || true)

if [[ $faults -gt 0 ]]; then
    echo "check-paths.sh: $faults places name something that does not exist" >&2
    exit 1
fi
