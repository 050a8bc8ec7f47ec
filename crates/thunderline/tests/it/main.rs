//! The program as people run it: real processes, real sockets.

mod command_line;
mod demo;
#[cfg(test)]
mod processes;
mod program;
