;; Can't be asked.
(module
  (memory (export "memory") 1 256)
  (data (i32.const 16) "{\"ok\":{\"handle\":1}}")
  (data (i32.const 64) "{\"ok\":{\"answer\":42}}")
  (data (i32.const 128) "{\"ok\":{\"name\":\"wat\",\"version\":\"0\",\"abi\":1,\"decision_points\":[\"control\"]}}")
  (func $answer (param $pointer i32) (param $length i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $pointer)) (i64.const 32))
            (i64.extend_i32_u (local.get $length))))
  (func (export "abi_version") (result i32) i32.const 1)
  (func (export "alloc") (param i32) (result i32) i32.const 4096)
  (func (export "free") (param i32 i32))
  (func (export "load") (param i32 i32) (result i64) (call $answer (i32.const 16) (i32.const 19)))
  (func (export "describe") (result i64) (call $answer (i32.const 128) (i32.const 73))))
