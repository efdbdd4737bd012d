"""What the embedded E. coli model has learnt, measured on tismscan's own output.

`windows` cuts windows around sites, `measures` turns scores into numbers, `figures` draws them; `python -m tss_analysis`
runs tismscan and writes figures and `analysis.json`.
"""
