#!/usr/bin/env bash
# Makes (once) a Python environment with pinned packages: python-environment.sh FOLDER REQUIREMENTS
# The environment is made again when the requirements change.
set -euo pipefail
folder=$1
requirements=$2
stamp="$folder/.requirements"
cmp -s "$requirements" "$stamp" 2>/dev/null && exit 0
echo "==> installing from PyPI into $folder: $(grep -vE '^[[:space:]]*(#|$)' "$requirements" | tr '\n' ' ')"
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
cp "$requirements" "$stamp"
