/work/wt/speed/bench/driver/target/debug/deps/aws_lc_sys-a6ec872049bc6435.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/aws-lc-sys-0.47.0/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/aws-lc-sys-0.47.0/src/universal_crypto.rs

/work/wt/speed/bench/driver/target/debug/deps/libaws_lc_sys-a6ec872049bc6435.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/aws-lc-sys-0.47.0/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/aws-lc-sys-0.47.0/src/universal_crypto.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/aws-lc-sys-0.47.0/src/lib.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/aws-lc-sys-0.47.0/src/universal_crypto.rs:
