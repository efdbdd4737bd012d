#!/usr/bin/env bash
# The demo: demo.sh FOLDER THREADS regions|genome. Predictions and TISM of the whole E. coli genome, exact ISM of a few
# regions or of the whole genome, genes to find one's way, and a session that opens it all.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
threads=$2
extent=$3
tismscan=${TISMSCAN:-.build/release/tismscan}
genome=examples/ecoli/NC_000913.3.fa.gz
model=models/ecoli-tss-cnn.onnx
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

if [ ! -s "$folder/genes.gff" ]; then
  echo "==> genes, predicted from the same sequence by prodigal"
  unpacked=$(mktemp)
  trap 'rm -f "$unpacked" "$folder/genes.gff.tmp"' EXIT
  zcat "$genome" >"$unpacked"
  prodigal -q -i "$unpacked" -f gff -o "$folder/genes.gff.tmp"
  mv "$folder/genes.gff.tmp" "$folder/genes.gff"
fi

echo "==> predictions and TISM of the whole genome, both strands"
"$tismscan" scan --model "$model" --genome "$genome" --method predict --method tism \
  --reduce importance --reduce loss --calls 0.5 --threads "$threads" --output "$folder/genome" \
  --annotation "$folder/genes.gff" --annotation examples/ecoli/tss_curated.bed

regions=()
[ "$extent" = regions ] && regions=(--regions examples/ecoli/regions.bed)
echo "==> exact saturation mutagenesis (ISM) of ${extent/regions/the regions in examples/ecoli/regions.bed}"
"$tismscan" scan --model "$model" --genome "$genome" --method ism \
  --reduce importance --reduce alt --threads "$threads" --output "$folder/ism" "${regions[@]}"
