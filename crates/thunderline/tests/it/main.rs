//! The program as people run it: real processes, real sockets.

mod command_line;
mod demo;
mod program;
