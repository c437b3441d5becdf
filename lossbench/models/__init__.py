"""What is trained: any `nn.Module (inputs, outputs, **params)`; the ones that ship are in the modules beside."""
