// Checksum, split and merge on bytes in memory: for the vectors that C++ and TypeScript share, and for tools.
#include <vector>

#include "addon.h"
#include "coalesce.h"
#include "split.h"

namespace pio {
namespace {

napi_value checksum(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<uint8_t> bytes;
  int32_t offset, length;
  if (!args.bytes(0, bytes) || !args.integer(1, offset) || !args.integer(2, length)) return nullptr;
  if (!inside(bytes, offset, length)) {
    throw_misuse(env, kOutOfBounds, "the range lies outside the bytes");
    return nullptr;
  }
  const uint16_t sum = checksum_fold(checksum_add(bytes.data + offset, static_cast<size_t>(length)));
  return number(env, ntohs(sum));
}

napi_value split(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<uint8_t> frame, slab;
  Array<int32_t> offset, length, group;
  int32_t limit;
  if (!args.bytes(0, frame) || !args.bytes(1, slab) || !args.ints(2, offset) || !args.ints(3, length) ||
      !args.ints(4, group) || !args.integer(5, limit)) {
    return nullptr;
  }
  const size_t most = static_cast<size_t>(limit);
  if (limit < 1 || most > offset.length || most > length.length || most > group.length ||
      frame.length < sizeof(VirtioHeader)) {
    throw_misuse(env, kOutOfBounds, "limit is more than the batch holds, or the frame too short");
    return nullptr;
  }
  for (size_t i = 0; i < most; i++) {
    if (inside(slab, offset.data[i], kPacketRoom)) continue;
    throw_misuse(env, kOutOfBounds, "a lent position has no room for a packet in the slab");
    return nullptr;
  }
  VirtioHeader header;
  memcpy(&header, frame.data, sizeof header);
  const uint8_t* packet = frame.data + sizeof header;
  const uint32_t bytes = static_cast<uint32_t>(frame.length - sizeof header);
  if (header.gso_type == kGsoNone) {
    if (bytes > kPacketRoom) return number(env, 0);
    uint8_t* slot = slab.data + offset.data[0];
    memcpy(slot, packet, bytes);
    if (complete_single(header, slot, bytes) != FrameKind::kSingle) return number(env, 0);
    length.data[0] = static_cast<int32_t>(bytes);
    group.data[0] = 0;
    return number(env, 1);
  }
  SuperPacket super;
  if (super.begin(header, packet, bytes) != FrameKind::kSuper) return number(env, 0);
  size_t filled = 0;
  for (; super.pending() && filled < most; filled++) {
    length.data[filled] = static_cast<int32_t>(super.next(slab.data + offset.data[filled]));
    group.data[filled] = super.segments() > 1 ? 1 : 0;
  }
  return number(env, static_cast<int32_t>(filled));
}

// Collects frames as byte strings.
class Collector final : public FrameSink {
 public:
  bool write(const iovec* parts, int count, uint32_t, uint32_t) override {
    std::vector<uint8_t> frame;
    for (int i = 0; i < count; i++) {
      const auto* bytes = static_cast<const uint8_t*>(parts[i].iov_base);
      frame.insert(frame.end(), bytes, bytes + parts[i].iov_len);
    }
    frames.push_back(std::move(frame));
    return true;
  }
  void bad_checksum() override {}
  std::vector<std::vector<uint8_t>> frames;
};

napi_value coalesce(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<uint8_t> slab;
  Array<int32_t> offset, length;
  int32_t count;
  if (!args.bytes(0, slab) || !args.ints(1, offset) || !args.ints(2, length) || !args.integer(3, count)) return nullptr;
  if (count < 0 || static_cast<size_t>(count) > offset.length || static_cast<size_t>(count) > length.length) {
    throw_misuse(env, kOutOfBounds, "count is more than the batch holds");
    return nullptr;
  }
  Coalescer coalescer;
  coalescer.enable(true, true);
  Collector collector;
  for (int32_t i = 0; i < count; i++) {
    if (!inside(slab, offset.data[i], length.data[i])) {
      throw_misuse(env, kOutOfBounds, "a packet lies outside the slab");
      return nullptr;
    }
    coalescer.add(slab.data + offset.data[i], static_cast<uint32_t>(length.data[i]), collector);
  }
  coalescer.flush(collector);
  napi_value list = nullptr;
  napi_create_array_with_length(env, collector.frames.size(), &list);
  for (size_t i = 0; i < collector.frames.size(); i++) {
    const auto& frame = collector.frames[i];
    void* data = nullptr;
    napi_value buffer, view;
    napi_create_arraybuffer(env, frame.size(), &data, &buffer);
    memcpy(data, frame.data(), frame.size());
    napi_create_typedarray(env, napi_uint8_array, frame.size(), buffer, 0, &view);
    napi_set_element(env, list, static_cast<uint32_t>(i), view);
  }
  return list;
}

void add(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

void register_bytes(napi_env env, napi_value exports) {
  add(env, exports, "checksum", checksum);
  add(env, exports, "split", split);
  add(env, exports, "coalesce", coalesce);
}

}  // namespace pio
