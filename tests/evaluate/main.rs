//! From models and score files to an evaluation: which rows, which scores, which files.

mod held_out;
mod score_files;
