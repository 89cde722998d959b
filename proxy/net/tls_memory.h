/// Memory for TLS records, apart from the heap.
///
/// OpenSSL takes two buffers of some 16 KiB for a connection that moves bytes, and gives them back
/// when the connection waits. On the heap they would lie between the small things that stay, and
/// what is given back could neither be used for anything else nor returned: a crowd that comes at
/// once would cost twice its memory for as long as it waits.
#pragma once

#include <cstddef>

namespace eg::net {

/// Makes OpenSSL take its large blocks from here. Once, first thing in main(): false, and nothing
/// changes, if OpenSSL has allocated before. Blocks belong to no thread; each thread keeps some
/// that it freed for its next connection.
bool install_tls_memory();

/// What the functions given to OpenSSL do; for tests. Any thread, no lock but where a thread runs
/// out of blocks of its own. Sizes that are no record's go to the heap.
class TlsMemory {
  public:
    /// OpenSSL asks for 16.7 KiB for a record and for 21.3 KiB for a handshake message.
    static constexpr std::size_t kLeastBytes = 12 * 1024;
    static constexpr std::size_t kBlockBytes = 24 * 1024;

    [[nodiscard]] static void* allocate(std::size_t bytes);
    /// As realloc(3); a block of ours stays where it is as long as it is large enough.
    [[nodiscard]] static void* reallocate(void* memory, std::size_t bytes);
    static void release(void* memory);
    /// Whether it is a block of ours, and not of the heap.
    [[nodiscard]] static bool owns(const void* memory);
};

}  // namespace eg::net
