//! The clock on the wall, as the browser has it.

/// Now, and how far the clock on the wall is ahead of it.
#[must_use]
pub fn now() -> (u64, i32) {
    let now = js_sys::Date::new_0();
    (now.get_time() as u64, -(now.get_timezone_offset() as i32))
}

/// A time of the clock on the wall.
#[must_use]
pub fn on_the_wall(unix_ms: u64) -> String {
    // In Sweden a time is written from the year down.
    js_sys::Date::new(&(unix_ms as f64).into()).to_locale_string("sv-SE", &wasm_bindgen::JsValue::UNDEFINED).into()
}
