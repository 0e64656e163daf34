//! Why a network says what it says: Grad-CAM, saliency, occlusion.
