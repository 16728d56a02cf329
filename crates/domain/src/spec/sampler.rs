//! Samplers by their names.

use serde::{Deserialize, Serialize};

/// Samplers by their names on the command line, in a model's profile and in stored specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// Whatever the checkpoint's own scheduler file names.
    #[default]
    Default,
    /// DDIM with eta 0 (Song et al. 2020, arXiv 2010.02502).
    Ddim,
    /// Pseudo numerical methods (Liu et al. 2022, arXiv 2202.09778).
    Pndm,
    /// Euler's method over sigmas (Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn).
    Euler,
    /// Euler's method with fresh noise at each step.
    EulerA,
    /// DPM-Solver++ of second order, multistep (Lu et al. 2022, arXiv 2211.01095).
    #[serde(rename = "dpmpp-2m")]
    Dpmpp2m,
    /// The same over the noise levels of Karras et al.
    #[serde(rename = "dpmpp-2m-karras")]
    Dpmpp2mKarras,
    /// `UniPC` (Zhao et al. 2023, arXiv 2302.04867).
    #[serde(rename = "unipc")]
    UniPc,
    /// Latent consistency (Luo et al. 2023, arXiv 2310.04378).
    Lcm,
}

impl Sampler {
    /// Every sampler.
    pub const ALL: [Self; 9] = [
        Self::Default,
        Self::Ddim,
        Self::Pndm,
        Self::Euler,
        Self::EulerA,
        Self::Dpmpp2m,
        Self::Dpmpp2mKarras,
        Self::UniPc,
        Self::Lcm,
    ];
}

#[cfg(test)]
mod tests {
    use super::Sampler;

    #[test]
    fn samplers_are_stored_by_their_names_on_the_command_line() {
        let stored = Sampler::ALL.map(|sampler| serde_json::to_value(sampler).unwrap());
        let names = [
            "default",
            "ddim",
            "pndm",
            "euler",
            "euler-a",
            "dpmpp-2m",
            "dpmpp-2m-karras",
            "unipc",
            "lcm",
        ];
        assert_eq!(stored, names);
        for sampler in Sampler::ALL {
            let stored = serde_json::to_value(sampler).unwrap();
            assert_eq!(serde_json::from_value::<Sampler>(stored).unwrap(), sampler);
        }
    }
}
