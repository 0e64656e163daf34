//! The experiments of both papers, from end to end, with their numbers beside ours.
