/work/wt/speed/bench/driver/target/debug/deps/passkeyd_bench-2a4732e707ee4e7c.d: /work/wt/speed/bench/clippy.toml src/main.rs src/bare.rs src/growth.rs src/http.rs src/load.rs src/passkey.rs src/plot.rs src/process.rs src/ready.rs src/report.rs src/scenario.rs src/wire.rs Cargo.toml

/work/wt/speed/bench/driver/target/debug/deps/libpasskeyd_bench-2a4732e707ee4e7c.rmeta: /work/wt/speed/bench/clippy.toml src/main.rs src/bare.rs src/growth.rs src/http.rs src/load.rs src/passkey.rs src/plot.rs src/process.rs src/ready.rs src/report.rs src/scenario.rs src/wire.rs Cargo.toml

/work/wt/speed/bench/clippy.toml:
src/main.rs:
src/bare.rs:
src/growth.rs:
src/http.rs:
src/load.rs:
src/passkey.rs:
src/plot.rs:
src/process.rs:
src/ready.rs:
src/report.rs:
src/scenario.rs:
src/wire.rs:
Cargo.toml:

# env-dep:CARGO_PKG_NAME=passkeyd-bench
# env-dep:CARGO_PKG_VERSION=0.0.0
# env-dep:CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
# env-dep:CLIPPY_CONF_DIR
