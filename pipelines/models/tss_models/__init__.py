"""Training of the transcription-start-site (TSS) models that tismscan ships.

The modules, in the order the data flow through them:

- ``consensus``  merges published TSS sets into one curated BED;
- ``genome``     reads the genome and turns forward positions into positions along a strand;
- ``sites``      reads and writes the curated BED;
- ``dataset``    holds labels, masks and the train/validation/test split, and draws training windows;
- ``network``    is the convolutional network, and the mean of several;
- ``auxiliary``  holds training-only labels;
- ``predict``    runs it over a part of the genome;
- ``train``      fits it and keeps a checkpoint;
- ``compare``    scores checkpoints and their means on the validation part;
- ``calibrate``  finds the temperature and the shift on the validation part;
- ``calls``, ``metrics``, ``evaluate``  score it, beside the promoter scan of ``baseline``;
- ``export``     writes the ONNX file with tismscan's metadata;
- ``card``       renders the model card from the evaluation's JSON.

Coordinates are 0-based half-open everywhere. A *strand position* runs 5' to 3' along one strand: on the minus strand of
a genome of G bases, strand position n is forward position G - 1 - n.
"""
