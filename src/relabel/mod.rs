//! The page on which people look at candidates again, and the journal of what they decided.
