#!/usr/bin/env bash
# The demo: demo.sh FOLDER THREADS regions|genome. Exact ISM of a few regions or of the whole genome, predictions and TISM of
# the whole E. coli genome, genes to find one's way, and a session that opens it all. What is there already is not done again.
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

if [ "$extent" = regions ]; then
  regions=(--regions examples/ecoli/regions.bed)
  echo "==> exact saturation mutagenesis (ISM) of the regions in examples/ecoli/regions.bed, both strands"
else
  regions=()
  echo "==> exact saturation mutagenesis (ISM) of the whole genome, both strands"
fi
"$tismscan" scan --model "$model" --genome "$genome" --circular NC_000913.3 "${regions[@]}" --method ism --reduce importance loss \
  --threads "$threads" --output "$folder/ism"

echo "==> predictions and TISM of the whole genome, both strands"
"$tismscan" scan --model "$model" --genome "$genome" --circular NC_000913.3 --method predict tism --reduce importance loss --calls 0.3 \
  --threads "$threads" --output "$folder/genome" \
  --annotation "$folder/genes.gff" examples/ecoli/tss_curated.bed "$folder"/ism/ism.weighted.importance.*.bw

cat <<END

The tracks are in
  $folder/genome   P(TSS) at every base (predict), TISM importance and loss, called sites (calls.*.bed)
  $folder/ism      exact ISM importance and loss${regions:+ of the regions}
Each folder has a run.json that says what the values mean.

To look at them, open this session in IGV (sudo apt-get install igv):
  igv $folder/genome/igv_session.xml
END
