/work/wt/speed/bench/driver/target/debug/deps/cmake-00f11cb574dd8e7a.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/cmake-0.1.58/src/lib.rs

/work/wt/speed/bench/driver/target/debug/deps/libcmake-00f11cb574dd8e7a.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/cmake-0.1.58/src/lib.rs

/work/wt/speed/bench/driver/target/debug/deps/libcmake-00f11cb574dd8e7a.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/cmake-0.1.58/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/cmake-0.1.58/src/lib.rs:
