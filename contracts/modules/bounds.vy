# pragma version ~=0.4.3
"""
@title The bounds of every list, loop and vector
@license Apache-2.0
@notice docs/PROTOCOL.md section 2 names them; nothing else in the contracts has a number for a size.
"""


MAX_PARAMETERS: constant(uint256) = 2**20       # d
MAX_GROUPS: constant(uint256) = 64              # R
MAX_GROUP_IDS: constant(uint256) = 128          # of both commitment rounds, below 2 R: bitmaps over group ids have 128 bits
MAX_TALLIES: constant(uint256) = 9              # words of votes: MAX_GROUP_IDS, 15 a word
MAX_KRUM_GROUPS: constant(uint256) = 16         # R where the Gram matrix is needed
MAX_PRODUCTS: constant(uint256) = 120           # pairs of 16 groups
MAX_MEMBERS: constant(uint256) = 16             # N: bitmaps over places have 16 bits
MAX_CAPACITY: constant(uint256) = 4096           # accounts that may register
MAX_LISTED: constant(uint256) = 256             # addresses in one call of `whitelist`
MIN_CHUNK_WORDS: constant(uint256) = 8
MAX_CHUNK_WORDS: constant(uint256) = 720
MAX_CHUNK_BYTES: constant(uint256) = 23040      # 32 * MAX_CHUNK_WORDS
MAX_ENCODED_BYTES: constant(uint256) = 23104    # ... behind the two words that abi_encode puts before a list
MAX_CHUNKS: constant(uint256) = 64
MAX_CALL_BYTES: constant(uint256) = 130048      # 128 KiB, which nodes accept, less 1,024 bytes of envelope
MAX_ANSWER_BYTES: constant(uint256) = 2048      # of a view; the longest one, of `params`, has 1,088
MAX_SEEDS: constant(uint256) = 72                # u (1 + N - u) seeds lift the masks of u uploads: 72 at most for N = 16
MAX_OPENINGS: constant(uint256) = 15            # all members but one
MAX_POINTS_BYTES: constant(uint256) = 1984      # 64 (2 * MAX_MEMBERS - 1)
MAX_ADDRESSES_BYTES: constant(uint256) = 620    # 20 (2 * MAX_MEMBERS - 1)
MAX_SEALED_BYTES: constant(uint256) = 1680      # 112 (MAX_MEMBERS - 1)
MAX_BLOB_CHUNKS: constant(uint256) = 1016       # c: MAX_CALL_BYTES are 1,016 points
MAX_BLOB_PRODUCTS: constant(uint256) = 136      # R (R + 1) / 2 entries of a Gram matrix of 16 groups
MAX_VECTOR_BLOBS: constant(uint256) = 256        # MAX_PARAMETERS / BLOB_ELEMENTS
MAX_ROWS: constant(uint256) = 17                # what is added of a group in blobs: MAX_MEMBERS uploads, and with `recover` a correction
MAX_BLOBS: constant(uint256) = 6                # in a transaction, on every fork (EIP-4844, EIP-7594)
MAX_POSTS: constant(uint256) = 127              # blob transactions of an upload
BLOB_ELEMENTS: constant(uint256) = 4096         # n
MAX_BLOB_WINDOWS_SECS: constant(uint256) = 864_000  # ten days, from the first upload on: nodes keep blobs for 18
POINT_BYTES: constant(uint256) = 128             # of a commitment, uncompressed (EIP-2537)
MAX_PROOF: constant(uint256) = 32               # hashes of a Merkle proof
MAX_BOUND: constant(uint256) = 2**31 - 1        # Q
MAX_COUNT: constant(uint256) = 2**32 - 1        # M0, E, B
MAX_WINDOW_SECS: constant(uint256) = 31_536_000 # one year
SETUP_SECS: constant(uint256) = 2_592_000       # 30 days: an owner that never starts is given up after that
DRAW_DELAY: constant(uint256) = 4               # blocks between the end of registration and the block whose hash is drawn from
HASHES_KEPT: constant(uint256) = 256            # blocks for which BLOCKHASH answers
TURN_BLOCKS: constant(uint256) = 50             # how long it is one member's turn to make a step that anybody may make
DRAW_TURN_BLOCKS: constant(uint256) = 64        # a quarter of HASHES_KEPT
GWEI_WEI: constant(uint256) = 10**9             # fees are credited in gwei
