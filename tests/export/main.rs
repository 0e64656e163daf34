//! Models for other programs: every network is written, read back by other code than
//! ours, and compared. `tests/peers/export_check.py` does the same with the programs
//! themselves.

mod calibrated;
mod interpreter;
mod keras;
mod networks;
mod normalised;
mod onnx;
mod plain;
