//! Many trainings that differ in one thing, and what comes of it.
