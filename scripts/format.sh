#!/bin/bash
# Formats every C++ file in place; with --check, only says which files differ (exit 1).
set -euo pipefail
cd "$(dirname "$0")/.."

FORMATTER=${CLANG_FORMAT:-clang-format-19}
if ! command -v "$FORMATTER" >/dev/null; then
    echo "format.sh: $FORMATTER is missing; scripts/install-deps.sh --test installs it" >&2
    exit 2
fi

mapfile -d '' FILES < <(find proxy filters certs mdm tests bench \
    \( -name '*.cpp' -o -name '*.h' \) -not -path '*/corpus/*' -print0 2>/dev/null)

case "${1:-}" in
--check) "$FORMATTER" --dry-run --Werror "${FILES[@]}" ;;
"") "$FORMATTER" -i "${FILES[@]}" ;;
*) echo "usage: scripts/format.sh [--check]" >&2; exit 64 ;;
esac
