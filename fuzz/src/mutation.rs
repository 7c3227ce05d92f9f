//! Changes JSON so that it stays JSON: random bytes alone would seldom get past the reader.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Value, json};

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Changes the first `size` bytes of `data`, which may grow to `most`; gives their new number. Three times of four one value of the
/// JSON is changed, doubled or dropped; else libFuzzer changes bytes.
pub fn mutate(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed));
    if random.below(4) > 0
        && let Ok(mut value) = serde_json::from_slice::<Value>(&data[..size])
    {
        for _ in 0..=random.below(3) {
            let at = random.below(places(&value));
            change(&mut value, at, &mut random);
        }
        if let Ok(json) = serde_json::to_vec(&value)
            && json.len() <= most
        {
            data[..json.len()].copy_from_slice(&json);
            return json.len();
        }
    }
    fuzzer_mutate(data, size, most)
}

/// How many values there are, this one included.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(places).sum(),
        Value::Object(members) => members.values().map(places).sum::<usize>(),
        _ => 0,
    }
}

/// Changes the value at a place, counted from the outside.
fn change(value: &mut Value, at: usize, random: &mut Random) {
    if at == 0 {
        return alter(value, random);
    }
    let mut left = at - 1;
    let below: Vec<&mut Value> = match value {
        Value::Array(elements) => elements.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        _ => return,
    };
    for inner in below {
        let here = places(inner);
        if left < here {
            return change(inner, left, random);
        }
        left -= here;
    }
}

fn alter(value: &mut Value, random: &mut Random) {
    match value {
        Value::Array(elements) if !elements.is_empty() && random.below(4) > 0 => {
            let at = random.below(elements.len());
            match random.below(3) {
                0 => drop(elements.remove(at)),
                1 => elements.push(elements[at].clone()),
                _ => elements.swap(at, 0),
            }
        }
        Value::Object(members) if !members.is_empty() && random.below(4) > 0 => {
            let name = members.keys().nth(random.below(members.len())).cloned().unwrap_or_default();
            members.remove(&name);
        }
        Value::String(text) if random.below(2) > 0 => {
            let at = random.below(text.chars().count() + 1);
            let kept: String = text.chars().take(at).collect();
            *text = format!("{kept}{}", ["", "/", "é", "\u{0}", "spark.", "-1", " "][random.below(7)]);
        }
        Value::Bool(flag) => *flag = !*flag,
        _ => {
            *value = match random.below(12) {
                0 => json!(0),
                1 => json!(1),
                2 => json!(u64::MAX),
                3 => json!(u32::MAX),
                4 => json!(-1),
                5 => json!(1.5e300),
                6 => json!(f64::MIN_POSITIVE),
                7 => json!(0.1),
                8 => Value::Null,
                9 => json!([]),
                10 => json!({}),
                _ => json!(random.next() >> random.below(64)),
            }
        }
    }
}
