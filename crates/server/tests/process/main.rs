//! The process from outside: the real binary, its settings, its start and end, its limits and its logs.

mod generate;
mod limits;
mod logs;
mod manage;
mod settings;
mod start;
mod stop;
mod support;
