//! What every request passes before it reaches a wire: one function, not a stack of layers.

pub mod front;
