//! From models and score files to an evaluation: which rows, which scores, which files.

mod ancestry;
mod held_out;
mod score_files;
