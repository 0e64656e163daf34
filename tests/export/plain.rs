//! Plain safetensors: Keras' names, the weights' own bits, and texts.

use rbgpu::data::Normalisation;
use rbgpu::formats::Format;
use safetensors::SafeTensors;

use super::networks::{ODD, exported, model, parsed};

#[test]
fn names_values_and_texts_are_there() {
    let odd = model(parsed(ODD), Normalisation::Mad);
    let file = exported(&odd, Format::Safetensors);
    let tensors = SafeTensors::deserialize(&file).unwrap();
    assert_eq!(tensors.len(), odd.model.parameters().len());
    for parameter in odd.model.parameters() {
        let tensor = tensors.tensor(&parameter.name).unwrap();
        assert_eq!(tensor.shape(), &parameter.tensor.shape()[..]);
        let read = tensor.data().chunks_exact(4);
        let read: Vec<u32> = read
            .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let own: Vec<u32> = parameter
            .tensor
            .to_vec()
            .unwrap()
            .into_iter()
            .map(|v| (v as f32).to_bits())
            .collect();
        assert_eq!(read, own, "{}", parameter.name);
    }
    let (_, metadata) = SafeTensors::read_metadata(&file).unwrap();
    let texts = metadata.metadata().clone().unwrap();
    assert_eq!(texts["normalisation"], "mad");
    assert_eq!(texts["threshold"], "0.37");
    assert_eq!(texts["output"], "softmax (N, 2): class 1 is real");
    let architecture: rbgpu::nn::Architecture =
        serde_json::from_str(&texts["architecture"]).unwrap();
    assert_eq!(&architecture, odd.model.architecture());
}
