//! Reverse-mode differentiation. The only place that adds gradients up.

