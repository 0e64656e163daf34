use rbgpu::backend::gpu::{Bind, Choice, Gpu, Shader};
use rbgpu::parameters;

const RELU: Shader = Shader { op: "relu", source: include_str!("../shaders/relu.wgsl") };

#[test]
fn smoke() {
    println!("{:?}", rbgpu::backend::gpu::adapters());
    for gpu in [Gpu::open(&Choice::Any).unwrap(), Gpu::open_guarded(&Choice::Any).unwrap()] {
        let n = 1001;
        let x = gpu.allocate(n).unwrap();
        let values: Vec<f32> = (0..n).map(|i| i as f32 - 500.0).collect();
        gpu.upload(&x, &values).unwrap();
        let y = gpu.allocate(n).unwrap();
        gpu.dispatch_items(&RELU.kernel("relu_forward"), &[Bind::Read(&x), Bind::Write(&y)], parameters![n], n).unwrap();
        let out = gpu.download(&y).unwrap();
        assert!(out.iter().zip(&values).all(|(a, b)| *a == b.max(0.0)));
        gpu.check_guards(&y).unwrap();
        let start = std::time::Instant::now();
        for _ in 0..1000 {
            gpu.dispatch_items(&RELU.kernel("relu_forward"), &[Bind::Read(&x), Bind::Write(&y)], parameters![n], n).unwrap();
        }
        gpu.wait().unwrap();
        println!("{:?} per 1000", start.elapsed());
        gpu.dispatch_items(&RELU.kernel("relu_forward"), &[Bind::Read(&x), Bind::Write(&y)], parameters![n + 1], n+1).unwrap();
        println!("{:?}", gpu.check_guards(&y));
    }
}
