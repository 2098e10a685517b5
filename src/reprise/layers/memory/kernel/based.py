from reprise.layers.memory.kernel._taylor import TaylorAttention

__all__ = ["Based"]


class Based(TaylorAttention):
    """Based's linear attention: exp(q . k) by its Taylor series to the second order, of small queries and keys.

        q, k, v = W x_t;   phi(q) . phi(k) = 1 + s + s^2 / 2,  s = q . k / sqrt(N)
        S_t = S_{t-1} + phi(k_t) v_t';   z_t = z_{t-1} + phi(k_t);   y_t = O (S_t' phi(q_t) / (z_t . phi(q_t)))

    Shapes   x (B T D) -> y (B T D);  memory S and z (B H K V+1), K = (N + 1) (N + 2) / 2, V = D / H
    Cost     4 T D^2 + 4 T H N D + 2 T C (H K + D) + 4 T D K work, T / C depth
    Source   Arora et al. 2024, arXiv:2402.18668, sec. 4.1   (arora2024simple)
    Differs  each product of two components is kept once, not twice; 1e-6 is added to the denominator;
             the paper's sliding-window attention, whose layers alternate with these, is a layer of its own
    """
