/work/wt/speed/bench/driver/target/debug/deps/pkg_config-cbb5ab90bbcccf07.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pkg-config-0.3.34/src/lib.rs

/work/wt/speed/bench/driver/target/debug/deps/libpkg_config-cbb5ab90bbcccf07.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pkg-config-0.3.34/src/lib.rs

/work/wt/speed/bench/driver/target/debug/deps/libpkg_config-cbb5ab90bbcccf07.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pkg-config-0.3.34/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pkg-config-0.3.34/src/lib.rs:
