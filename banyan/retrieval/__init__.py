"""Which few of the many: texts to vectors, lexical and dense index, fusion, calibration, evaluation."""
