//! Machines that come with the program. Each is a file that can be copied and changed.

use super::Machine;

/// A machine by name.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal)*) => {
        /// Every machine that comes with the program.
        pub const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../machines/", $name, ".toml")),
        },)*];
    };
}

presets! { "cpu" "large" "small" "load" "disk" "memory" "desktop" "many" "rough" }

impl Preset {
    /// The machine.
    pub fn machine(&self) -> Result<Machine, Vec<String>> {
        Machine::parse(self.text)
    }
}

/// The preset called `name`.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::PRESETS;

    #[test]
    fn each_is_sound_and_says_what_it_is() {
        for preset in PRESETS {
            let machine = preset.machine().unwrap_or_else(|why| panic!("{}: {why:?}", preset.name));
            assert!(!machine.about.is_empty(), "{} says what it is", preset.name);
        }
    }
}
