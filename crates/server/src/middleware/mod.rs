//! What every request passes before it reaches a wire: the change of its path, then one function, not a stack of layers.

pub mod front;
pub mod paths;
pub mod request_id;
