/work/wt/speed/bench/driver/target/debug/deps/dunce-76d5ba65fa732e6b.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dunce-1.0.5/src/lib.rs

/work/wt/speed/bench/driver/target/debug/deps/libdunce-76d5ba65fa732e6b.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dunce-1.0.5/src/lib.rs

/work/wt/speed/bench/driver/target/debug/deps/libdunce-76d5ba65fa732e6b.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dunce-1.0.5/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dunce-1.0.5/src/lib.rs:
