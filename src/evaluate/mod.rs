//! From models, score files and data to an evaluation and its report on disk.
