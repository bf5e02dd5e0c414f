# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Rule `krum`: the paper's Algorithm 1, pinned (E16)
@license Apache-2.0
"""


from . import bounds


BPS: constant(uint256) = 10_000


@pure
@internal
def _chosen(
    norms: DynArray[uint256, bounds.MAX_GROUPS],
    products: DynArray[int256, bounds.MAX_PRODUCTS],
    mu_bps: uint256,
    picks: uint256,
) -> uint256:
    """
    @notice Rule `krum` (E16).
    @param norms G_rr, at most 16.
    @param products G_rs for r < s, row by row.
    @param mu_bps mu in 1/10,000.
    @param picks What `_picks` gives for |P|.
    @return Bitmap over the positions in P.
    """
    if picks == 0:
        return 0
    count: uint256 = len(norms)
    distances: uint256[16][16] = empty(uint256[16][16])
    pair: uint256 = 0
    for r: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
        for s: uint256 in range(r + 1, count, bound=bounds.MAX_KRUM_GROUPS):
            distance: uint256 = convert(convert(norms[r] + norms[s], int256) - 2 * products[pair], uint256)
            distances[r][s] = distance
            distances[s][r] = distance
            pair += 1
    nearest: uint256[16][16] = self._nearest(distances, count)
    faulty: uint256 = self._faulty(count, mu_bps)
    chosen: uint256 = 0
    for pick: uint256 in range(picks, bound=bounds.MAX_KRUM_GROUPS):
        neighbours: uint256 = count - pick - faulty - 2
        best: uint256 = count
        best_score: uint256 = 0
        for r: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
            if (chosen >> r) & 1 == 1:
                continue
            score: uint256 = 0
            left: uint256 = neighbours
            for k: uint256 in range(count - 1, bound=bounds.MAX_KRUM_GROUPS):  # dev: f + 1 others are left over
                if left == 0:
                    break
                s: uint256 = nearest[r][k]
                if (chosen >> s) & 1 == 0:
                    score += distances[r][s]
                    left -= 1
            if best == count or score < best_score:
                best = r
                best_score = score
        chosen |= 1 << best
    return chosen


@pure
@internal
def _picks(count: uint256, mu_bps: uint256, m: uint256, m_rule: uint256) -> uint256:
    """
    @notice How many groups Krum takes out of |P|.
    @param count |P|.
    @param mu_bps mu in 1/10,000.
    @param m Picks wanted.
    @param m_rule 0 strict, 1 paper.
    @return m, or what the rule leaves of it; 0 where it is undefined.
    """
    if m_rule == 0:
        if BPS * m + 2 * BPS < (BPS - 2 * mu_bps) * count:
            return m
        return 0
    faulty: uint256 = self._faulty(count, mu_bps)
    if count <= faulty + 2:
        return 0
    return min(m, count - faulty - 2)


@pure
@internal
def _faulty(count: uint256, mu_bps: uint256) -> uint256:
    """
    @return f = ceil(mu |P|).
    """
    return (mu_bps * count + BPS - 1) // BPS


@pure
@internal
def _nearest(distances: uint256[16][16], count: uint256) -> uint256[16][16]:
    """
    @return For each row the other rows, the nearest first.
    """
    order: uint256[16][16] = empty(uint256[16][16])
    for r: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
        known: uint256 = 0
        for s: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
            if s == r:
                continue
            at: uint256 = known
            for _: uint256 in range(bounds.MAX_KRUM_GROUPS):  # dev: at is less
                if at == 0 or distances[r][order[r][at - 1]] <= distances[r][s]:
                    break
                order[r][at] = order[r][at - 1]
                at -= 1
            order[r][at] = s
            known += 1
    return order
