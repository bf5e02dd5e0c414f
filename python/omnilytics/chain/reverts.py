"""Why contracts refuse: from the bytes of a revert to its reason, and from a reason to the next legal action."""

from __future__ import annotations

import re

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from omnilytics.errors import Reverted

REASONS: dict[str, str] = {
    "aggregate: chunk out of turn": "call aggregate with the chunk that the group's chunks_aggregated numbers",
    "aggregate: group isn't delivered": "wait until all members of the group have uploaded all their chunks",
    "aggregate: length of the words": "give exactly one chunk of each member, nothing more",
    "aggregate: not the uploaded words": "give the words of that group's and chunk's Uploaded events, in their order",
    "aggregate: wrong stage": "aggregate in stage Upload or Aggregate, before the deadline",
    "blobs: accusing is closed": "nothing: accusations are opened now",
    "blobs: accusing is open": "open it after AccusingClosed",
    "blobs: all chunks are in": "nothing: the upload is complete",
    "blobs: already accusing": "open the accusation that the account has made, first",
    "blobs: another proof than was begun": "finish the proof whose seeds were begun with, or begin anew",
    "blobs: bound out of range": "claim with the session's bound, within 1..2^31 - 1",
    "blobs: chunks out of 1..1016": "give the number of blobs of an upload, at least 1",
    "blobs: empty commitment": "commit to an accusation (docs/BLOBS.md B9)",
    "blobs: fewer blobs than are due": "send six blobs, or what is left of the upload",
    "blobs: groups out of range": "claim of 1 to 64 groups, of 16 at most where the kind is the Gram matrix",
    "blobs: index above 4095": "give the element's index within its blob",
    "blobs: index beyond the last chunk": "give the element's index within the whole vector",
    "blobs: kind out of 1..2": "claim norms (1) or a Gram matrix (2)",
    "blobs: kind out of 3..4": "claim norms (3) or a Gram matrix (4) of packed sums",
    "blobs: length of the arguments": "give the accounts of all members of the group, and a witness of 48 bytes",
    "blobs: length of the evidence": "give sums of all groups, or columns of lanes, then the proof of that kind",
    "blobs: length of the opening": "give a point of 128 bytes, or a commitment of 48, and a witness of 48",
    "blobs: length of the points": "give a commitment for each upload and chunk, 128 bytes each",
    "blobs: members out of 2..16": "give the uploads of one whole group",
    "blobs: more blobs than are due": "send six blobs, or what is left of the upload",
    "blobs: more groups than are left": "give the next groups, without those that have failed",
    "blobs: more lanes than are left": "give each lane of all groups once, in order",
    "blobs: more sums than are left": "give a sum for each group and chunk, once",
    "blobs: norm out of range": "give norms of sums in range; show an element that isn't",
    "blobs: not in the subgroup": "give points of the subgroup of order q, and enough gas",
    "blobs: not on the curve": "give points of BLS12-381's first group, and enough gas",
    "blobs: not one of those who correct": "nothing: members correct that have delivered, revealed and aren't blamed",
    "blobs: not the accusation": "open exactly what the account has committed to",
    "blobs: not the committed blobs": "send the blobs that the account has committed to, in order",
    "blobs: not the correction": "give the blobs of the group's Corrected events, behind its uploads",
    "blobs: not the correction's commitment": "give the commitment of the blob that has the element",
    "blobs: not the element": "give the element that the blob has at that index, with its witness, and enough gas",
    "blobs: not the group's sums": "give the hash of the sums of exactly these commitments",
    "blobs: not the sums of the root": "give the sums of all groups, in order, that the root was made from",
    "blobs: not the upload's commitments": "give the commitments of the posted blobs, upload by upload",
    "blobs: not what the caller has begun": "give what the account's last event of its proof says, or begin anew",
    "blobs: not whole groups": "give the accounts of all members of each group, in order of seat",
    "blobs: number of products": "give a norm for each group, or the upper triangle of the matrix",
    "blobs: opening isn't below q": "give openings reduced modulo q",
    "blobs: product out of range": "give products of sums in range; show an element that isn't",
    "blobs: sums don't fit a lane": "claim of packed sums with 2 N Q below 4096",
    "blobs: the element is in range": "accuse only elements above 2 N Q, or beyond d other than N Q",
    "blobs: the element is right": "show an element that the disclosed seeds don't give",
    "blobs: the group is corrected": "nothing: somebody else has posted the group's correction",
    "blobs: the proof doesn't hold": "prove the products of these sums under this context, and give enough gas",
    "blobs: the seeds aren't disclosed": "disclose the group's seeds first",
    "blobs: there are no corrections": "accuse the group's sum: with abort there is no correction",
    "blobs: too many accusations": "wait: others have accused",
    "blobs: values are packed": "use select_packed in this session",
    "blobs: values aren't packed": "use select_proven in this session",
    "escrow: more than is locked": "a fault of the contract: nothing can be done from outside",
    "escrow: more than the reserve": "a fault of the contract: nothing can be done from outside",
    "escrow: payee refused": "make the account accept ether without data; its credit stays",
    "gram: chunk out of turn": "call gram with the chunk after that of the last GramAdded",
    "gram: length of the words": "give exactly one chunk of each aggregated group, nothing more",
    "gram: not all chunks are in": "call gram for the chunks that are left, then select",
    "gram: not the aggregated words": "give the words of the Aggregated events of that chunk, in order of group id",
    "gram: not the last products": "give the products of the last GramAdded event",
    "gram: products before chunk 0": "give an empty list of products with chunk 0",
    "gram: the rule needs none": "call select at once: this rule needs no inner products",
    "libraries: no code": "deploy the contracts whose addresses the constructor takes first",
    "market: implementation has no code": "deploy SecModelUpdate first and give its address",
    "market: only a session": "nothing: records change through sessions of this market alone",
    "publish: NaN or infinity": "publish finite float32 values only",
    "recover: addresses don't give root": "give the addresses of the points of that account's Shared event (E32)",
    "recover: addresses of who hasn't delivered": "give addresses of those alone who have delivered, else none",
    "recover: already blamed": "nothing: the dealer is named already; other holders' shares may still give its secret",
    "recover: already disclosed": "call unmask with the seeds of the group's Disclosed event",
    "recover: already known": "nothing: the secret stands in a Revealed or Rebuilt event",
    "recover: already revealed": "nothing: each member reveals once, and lends its shares once",
    "recover: group isn't open": "disclose groups that haven't failed, in stage Aggregate, with blobs in Correct",
    "recover: length of the points": "give 64 bytes for each of 2 N - 1 points (E32)",
    "recover: length of the sealed shares": "give 112 bytes for each of the N - 1 others (E33)",
    "recover: no shares": "name an account that has shared in the group",
    "recover: nobody to object to": "name another place of the own group that has shared",
    "recover: not delivered": "nothing: who hasn't uploaded all chunks in time has nothing to reveal",
    "recover: not holders": "name holders that have shared, the dealer not among them",
    "recover: not revealed": "reveal the own self mask first",
    "recover: not the committed share": "give the share that the dealer has sealed for that holder",
    "recover: not the dealers in order": "give one opening for each dealer whose secret isn't known, in order of place",
    "recover: not the disclosed seeds": "give minus and plus of the group's Disclosed event",
    "recover: not the key": "give x and parity of the account's Registered event",
    "recover: not the secret": "give the secret of that account's Revealed or Rebuilt event",
    "recover: not the sharers in order": "give one disclosure for each member that has shared, in order of place",
    "recover: number of disclosures": "give one disclosure for each member that has shared",
    "recover: number of openings": "give one opening for each dealer whose secret isn't known",
    "recover: other than T shares": "give exactly threshold holders and as many shares",
    "recover: sharing is closed": "nothing: who hasn't shared in time has no part in the group",
    "recover: sharing is open": "wait until sharing is closed, then object",
    "recover: too early": "wait for the end of the first half of stage Reveal: self masks may still be revealed",
    "recover: too late": "reveal in the first half of stage Reveal, lend shares in the third quarter",
    "register: key signature": "sign the digest (E8) of this chain, session and sender with the mask key",
    "register: no transport key": "give the X25519 key that shares are sealed to as transport",
    "register: parity out of range": "give 0 for an even y coordinate of the mask key, 1 for an odd one",
    "register: transport key with abort": "give zero as transport: this session shares no secrets",
    "register: x isn't on the curve": "register the x coordinate of a point of secp256k1",
    "register: x out of range": "give an x within 0 < x < n",
    "registry: empty root": "commit to the root of at least one chunk hash",
    "registry: key seen before": "register a fresh mask key: each is good for one registration",
    "registry: listed twice": "list every account once",
    "registry: zero address": "list no zero address",
    "session: already committed": "upload next: a commitment can't be changed",
    "session: already initialised": "make a session through Market.create_session",
    "session: already registered": "wait for the draw: an account registers once",
    "session: capacity out of 1..4096": "give a capacity within 1..4096",
    "session: chunk out of turn": "upload the chunk that the member's chunks_delivered numbers",
    "session: cohort with greedy": "register with cohort 0: greedy sessions seat in order of registration",
    "session: empty root": "give the root of a Merkle tree over at least one account",
    "session: first round isn't settled": "settle the failed groups of the first commitment round first",
    "session: group isn't decided": "settle a failed group when the first round is over, a live one in stage Payment",
    "session: hashes don't give root": "upload with the chunk hashes that the commitment was made from",
    "session: hashes with recover": "upload with an empty list of hashes: this session has no commitments to words",
    "session: length of the chunk": "upload chunk_words words, in the last chunk those that are left",
    "session: no commitment": "nothing: who hasn't committed in time can't upload",
    "session: no seat": "nothing: the draw gave this account no seat",
    "session: no such group": "give a group id below group_count",
    "session: nobody to list": "give at least one account",
    "session: norm needs no products": "call select with an empty list of products",
    "session: not of the cohort": "name the accepted group that this account sat in, of as many members as here",
    "session: not on the whitelist": "ask the model owner to list this account, or give the proof of its leaf",
    "session: not the group's members": "give the members of that group in order of place",
    "session: not whole words": "publish a multiple of 32 bytes, at least 32",
    "session: nothing to advance": "wait for the deadline of this stage",
    "session: nothing to draw": "draw in stage Register after its deadline, or in stage Draw",
    "session: nothing to withdraw": "wait until the account has a credit: its group must be settled first",
    "session: number of hashes": "give one hash for each chunk",
    "session: only the owner": "send it from the session's owner",
    "session: proof with a list": "give an empty proof: this session's whitelist is a list",
    "session: published out of turn": "publish the chunk that the number of chunks before it numbers",
    "session: session is full": "nothing: as many as the capacity are in",
    "session: the group has failed": "wait for the second draw, or settle the group, then withdraw",
    "session: the group is settled": "withdraw",
    "session: the group's round is over": "nothing: in the second round only groups of that round share or commit",
    "session: the window is over": "call advance, then see which stage the session is in",
    "session: too late to exit": "wait for the session to finish: after the draw nobody may leave",
    "session: too many chunks": "publish at most 255 chunks",
    "session: unknown cohort": "give session << 8 | group of a session of the same market and owner",
    "session: value other than the bond": "send exactly bond_wei",
    "session: vectors are in blobs": "use post, add_sums and select_proven in this session",
    "session: vectors are in calldata": "use upload, aggregate and select in this session",
    "session: whitelist has a list": "go on with whitelist: a session has a list or a root",
    "session: whitelist has a root": "go on with set_whitelist_root: a session has a list or a root",
    "session: whitelist is full": "list fewer accounts in all",
    "session: words don't give hash": "upload the very words that the chunk hash was taken from",
    "session: wrong stage": "see stage(): this call belongs to another one",
    "start: aggregate above 128 KiB": "take smaller chunk_words, so that members * chunk_words fits a transaction",
    "start: batch_size out of 1..2^32-1": "give a batch_size within 1..2^32-1",
    "start: blobs with another suite than keccak": "give suite 1 (keccak)",
    "start: bond above 2 * reward / rounds + fees": "give a bond_wei of at most 2 * reward_wei / rounds + F",
    "start: bond below (members - 1) * reward / seats + fees": "give at least that bond_wei; fees: E20",
    "start: bound other than floor((2^31-1) / members)": "give this bound with encoding weights",
    "start: bound out of 1..2^31-1": "give a bound within 1..2^31-1",
    "start: capacity below min_rounds * members": "let at least min_rounds * members accounts register",
    "start: chunk_words out of 8..720": "give a chunk_words within 8..720",
    "start: chunk_words with blobs": "give chunk_words 0",
    "start: clip isn't a positive finite float32": "give the bit pattern of a positive finite float32 as clip",
    "start: clip with weights": "give clip 0 with encoding weights",
    "start: colluders out of 1..members": "give colluders of at least 1 and at most members",
    "start: commitments of a group above 128 KiB": "give fewer members or parameters",
    "start: epochs out of 1..2^32-1": "give epochs within 1..2^32-1",
    "start: fee_cap_wei above 2^40-1": "give a fee_cap_wei of at most 2^40-1",
    "start: fee_cap_wei without fee_table": "give a fee_table, or fee_cap_wei 0",
    "start: fee_table above 216 bits": "pack the fee table as E17 says",
    "start: fee_table without fee_cap_wei": "give a fee_cap_wei, or fee_table 0",
    "start: gram above 128 KiB": "take smaller chunk_words, so that rounds * chunk_words fits a transaction",
    "start: krum has no legal m": "take more rounds, a smaller krum_mu_bps, or krum_m_rule paper",
    "start: krum with more than 16 rounds": "take at most 16 rounds with krum",
    "start: krum's numbers with norm": "give krum_mu_bps, krum_m and krum_m_rule 0 with rule norm",
    "start: krum_m out of 1..rounds": "give a krum_m within 1..rounds",
    "start: krum_mu_bps out of 0..5000": "give a krum_mu_bps within 0..5000",
    "start: lane_bits isn't the smallest that holds members * bound": "6, 8, 10, 12, 16 or 32",
    "start: lane_bits other than 0 or 12 with blobs": "give 12 for packed values, else 0",
    "start: lane_bits other than 32 with weights": "give lane_bits 32 with encoding weights",
    "start: lane_bits with weights in blobs": "give lane_bits 0",
    "start: members * bound above 2047 with packing": "take a smaller bound or fewer members, or lane_bits 0",
    "start: members * bound doesn't fit 32 bits": "take a smaller bound or fewer members: members * bound < 2^31",
    "start: members out of 2..16": "give members within 2..16",
    "start: min_rounds out of 1..rounds": "give min_rounds within 1..rounds",
    "start: more than 64 chunks": "take larger chunk_words",
    "start: newcomer above 2^16": "give newcomers a suspicion of at most 2^16",
    "start: norm with weights": "take rule krum with encoding weights, or encoding delta",
    "start: parameter_count out of 1..2^20": "give a parameter_count within 1..2^20",
    "start: published lanes beyond d": "publish zeros in the lanes after the last parameter",
    "start: published words other than ceil(d / 8)": "publish eight parameters a word, all of them, before start",
    "start: record_constants above 58 bits": "pack the constants of the record as section 10 says, or give 0",
    "start: recover with another suite than keccak": "give suite 1 (keccak), which contracts can expand",
    "start: reserve above 2^41 gwei": "take a smaller fee_cap_wei, fee_table or capacity",
    "start: reveal_secs out of MIN_WINDOW..one year": "give a reveal_secs of at least MIN_WINDOW and at most one year",
    "start: reveal_secs out of MIN_WINDOW..ten days": "give at least MIN_WINDOW, at most 864,000",
    "start: reveal_secs with abort": "give reveal_secs 0 with policy abort",
    "start: reward above 2^96": "give a reward_wei of at most 2^96",
    "start: reward below one wei a seat": "give a reward_wei of at least rounds * members",
    "start: rounds out of 1..64": "give rounds within 1..64",
    "start: samples out of 1..2^32-1": "give samples within 1..2^32-1",
    "start: the capacity is zero": "call whitelist or set_whitelist_root first",
    "start: threshold below colluders + 2": "take a higher threshold (abort: more members), or fewer colluders",
    "start: threshold other than members": "give threshold = members with policy abort",
    "start: threshold out of 1..2^16": "give a threshold within 1..2^16",
    "start: threshold out of 2..members": "give a threshold within 2..members",
    "start: unknown assignment": "give 0 (greedy) or 1 (shuffled)",
    "start: unknown encoding": "give 0 (delta) or 1 (weights)",
    "start: unknown krum_m_rule": "give 0 (strict) or 1 (paper)",
    "start: unknown mode": "give 0 (calldata) or 1 (blobs)",
    "start: unknown policy": "give 0 (abort) or 1 (recover)",
    "start: unknown rule": "give 0 (norm) or 1 (krum)",
    "start: unknown suite": "give 0 (aes) or 1 (keccak)",
    "start: unsafe_small out of 0..1": "give 0 or 1",
    "start: value other than reward + reserve": "send exactly reward_wei + the reserve (E18)",
    "start: vote_secs out of MIN_WINDOW..one year": "give at least MIN_WINDOW and 2 seconds, at most one year",
    "start: vote_secs without norm+vote": "give vote_secs 0: this rule has no votes",
    "start: weight below 2": "give a weight of at least 2, or record_constants 0",
    "start: window above one year": "give windows of at most one year",
    "start: window below MIN_WINDOW": "give windows of at least the market's MIN_WINDOW and 1 second",
    "start: windows from the upload on above ten days with blobs": "give shorter windows: nodes keep blobs for 18 days",
    "vote: already opened": "nothing: each member opens its vote once",
    "vote: already voted": "open the vote when voting is closed: it can't be changed",
    "vote: no such group": "set bits of groups that haven't failed alone",
    "vote: not delivered": "nothing: who hasn't uploaded all chunks in time has no vote",
    "vote: not the commitment": "open with the bits and the salt of the own commitment (E38)",
    "vote: voting is closed": "nothing: who hasn't voted in time has no vote",
    "vote: voting is open": "wait until voting is closed, then open the vote",
}
"""Every reason of contracts/**/*.vy, `module: reason`, with the next legal action."""

_NUMBERS = re.compile(r": expected \d+, given \d+$")
"""How a refusal by `start` ends (PROTOCOL.md section 2)."""

_ERROR = bytes.fromhex("08c379a0")  # Error(string)
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256)
_PANICS = {
    0x01: "an assertion that can't fail",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "a value outside its enumeration",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
}

NO_REASON = "no reason given"
"""What the compiler's own checks say: nothing."""


def reason_of(output: bytes, halt: str | None = None) -> str:
    """The reason of a failed call in words.

    Args:
        output: what the call returned: the ABI encoding of an error, or nothing.
        halt: why the machine stopped, if it did not revert.
    """
    if halt is not None:
        return f"the machine halted: {halt}"
    if not output:
        return NO_REASON
    selector, data = output[:4], output[4:]
    try:
        if selector == _ERROR:
            return str(decode(["string"], data)[0])
        if selector == _PANIC:
            code = int(decode(["uint256"], data)[0])
            return f"panic 0x{code:02x}: {_PANICS.get(code, 'unknown code')}"
    except (DecodingError, UnicodeDecodeError):
        pass
    return f"unknown error 0x{output[:32].hex()}"


def reverted(call: str, output: bytes, halt: str | None = None) -> Reverted:
    """The error of a failed call; what to do instead goes along as its note.

    Args:
        call: the contract function's name.
        output: what the call returned.
        halt: why the machine stopped, if it did not revert.
    """
    reason = reason_of(output, halt)
    error = Reverted(call, reason)
    error.add_note(explain(reason))
    return error


def explain(reason: str) -> str:
    """What to do instead, for a reason of our contracts; for any other what the reason itself can tell."""
    known = REASONS.get(_NUMBERS.sub("", reason))
    if known is not None:
        return known
    if reason == NO_REASON:
        return "a check of the compiler failed: an argument out of range, an overflow, or ether where none is taken"
    if reason.startswith("the machine halted"):
        return (
            "the call ran out of its 2^24 gas or met an instruction that no contract of ours has; send smaller chunks"
        )
    return "not a refusal that these contracts know: check that the address is a session of this market"
