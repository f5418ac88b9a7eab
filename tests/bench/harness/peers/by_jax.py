"""JAX on the CPU, compiled before the clock starts where the row's data is in memory."""

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")
jnp = jax.numpy


def sin_cos(p, timer):
    def block(key):
        x = jax.random.uniform(key, (p.chunks, p.n), dtype=jnp.float64)
        return (jnp.sin(x) ** 2 + jnp.cos(x) ** 2).sum()

    def whole(key):
        keys = jax.random.split(key, -(-p.n // p.chunks))
        return jax.lax.map(block, keys).sum() * (p.n / (len(keys) * p.chunks))

    compiled = jax.jit(whole).lower(jax.random.key(0)).compile()
    with timer:
        return {"total": float(compiled(jax.random.key(0)))}


def axpy(p, timer):
    i = jnp.arange(p.size, dtype=jnp.float64) % 1000
    a, b, c, d = i, i + 1, i + 2, i + 3
    compiled = jax.jit(lambda a, b, c, d: a * b + c - d / 2).lower(a, b, c, d).compile()
    with timer:
        r = compiled(a, b, c, d).block_until_ready()
    return {"total": float(r.sum())}


ROWS = {"sin-cos": sin_cos, "axpy": axpy}
