//! The page: opens on `#app`.

fn main() {
    sparkwright_web::open();
}
