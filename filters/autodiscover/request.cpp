#include "filters/autodiscover/request.h"

#include <expat.h>

#include <algorithm>
#include <type_traits>

#include "proxy/base/text.h"

namespace eg::filters::autodiscover {

namespace {

constexpr char kSeparator = '\n';  // between namespace and name; in no name
constexpr std::string_view kSchemas = "http://schemas.microsoft.com/exchange/autodiscover/";
constexpr std::string_view kRequestSchema = "/requestschema/";
constexpr std::string_view kOurRequests =
    "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006";
constexpr std::string_view kOurAnswers =
    "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
constexpr std::size_t kDeepest = 3;  // Autodiscover, Request, and what it holds
constexpr std::size_t kMostText = 1024;
/// By these bytes expat knows UTF-16, whatever it was told. No text in UTF-8 has them.
constexpr std::string_view kNeverInUtf8("\0\xFE\xFF", 3);

std::string_view trim_xml(std::string_view text) {
    constexpr std::string_view kWhite = " \t\r\n";
    const std::size_t begin = std::min(text.find_first_not_of(kWhite), text.size());
    return text.substr(begin, text.find_last_not_of(kWhite) + 1 - begin);
}

struct ParserFree {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

}  // namespace

struct RequestReader::Inner {
    Inner();
    void start(std::string_view name);
    void end(std::string_view name);
    void text(std::string_view piece);
    void stop();
    void parse(std::string_view piece, bool last);

    std::unique_ptr<std::remove_pointer_t<XML_Parser>, ParserFree> parser;
    std::string space;    // of the root, which all others must have
    std::string content;  // of the element that is open
    std::string address;
    std::string schema;    // of the answer
    std::string gathered;  // pieces that wait for enough more
    std::size_t bytes = 0;
    std::size_t depth = 0;
    bool has_request = false;
    bool broken = false;
};

RequestReader::Inner::Inner() : parser(XML_ParserCreateNS("UTF-8", kSeparator)) {
    if (parser == nullptr) {
        broken = true;
        return;
    }
    XML_Parser p = parser.get();
    XML_SetUserData(p, this);
    XML_SetElementHandler(
        p,
        [](void* self, const char* name, const char**) { static_cast<Inner*>(self)->start(name); },
        [](void* self, const char* name) { static_cast<Inner*>(self)->end(name); });
    XML_SetCharacterDataHandler(p, [](void* self, const char* data, int length) {
        static_cast<Inner*>(self)->text({data, static_cast<std::size_t>(length)});
    });
    XML_SetStartDoctypeDeclHandler(p, [](void* self, const char*, const char*, const char*, int) {
        static_cast<Inner*>(self)->stop();
    });
    XML_SetXmlDeclHandler(p, [](void* self, const char*, const char* encoding, int) {
        if (encoding != nullptr && !iequals(encoding, "utf-8")) {
            static_cast<Inner*>(self)->stop();
        }
    });
}

void RequestReader::Inner::stop() {
    broken = true;
    if (parser != nullptr) {
        XML_StopParser(parser.get(), XML_FALSE);
    }
}

void RequestReader::Inner::start(std::string_view name) {
    const std::size_t at = name.rfind(kSeparator);
    const std::string_view name_space = at == std::string_view::npos ? "" : name.substr(0, at);
    const std::string_view local = at == std::string_view::npos ? name : name.substr(at + 1);
    if (depth == 0) {
        space = name_space;
    }
    const bool fits = depth == 0   ? local == "Autodiscover"
                      : depth == 1 ? local == "Request" && !has_request
                                   : depth < kDeepest;
    if (!fits || name_space != space) {
        stop();
        return;
    }
    has_request = has_request || depth == 1;
    ++depth;
    content.clear();
}

void RequestReader::Inner::text(std::string_view piece) {
    if (broken || depth != kDeepest) {
        return;
    }
    content += piece;
    if (content.size() > kMostText) {
        stop();
    }
}

void RequestReader::Inner::end(std::string_view name) {
    if (broken) {
        return;
    }
    if (depth == kDeepest) {
        const std::string_view local = name.substr(name.rfind(kSeparator) + 1);
        std::string* place = local == "EMailAddress"               ? &address
                             : local == "AcceptableResponseSchema" ? &schema
                                                                   : nullptr;
        if (place != nullptr && !place->empty()) {
            stop();
            return;
        }
        if (place != nullptr) {
            *place = trim_xml(content);
        }
    }
    --depth;
}

void RequestReader::Inner::parse(std::string_view piece, bool last) {
    if (piece.find_first_of(kNeverInUtf8) != std::string_view::npos) {
        broken = true;
    }
    if (!broken && XML_Parse(parser.get(), piece.data(), static_cast<int>(piece.size()),
                             last ? 1 : 0) != XML_STATUS_OK) {
        broken = true;
    }
}

RequestReader::RequestReader() : inner_(std::make_unique<Inner>()) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

Reason RequestReader::feed(std::string_view piece) {
    Inner& inner = *inner_;
    inner.bytes += piece.size();
    if (inner.bytes > kMostBodyBytes) {
        return Reason::body_too_large;
    }
    // Expat begins an unfinished tag anew with each piece. That each is as long as all before it
    // keeps the work in proportion to the body, whatever the sender does.
    inner.gathered += piece;
    if (inner.gathered.size() * 2 >= inner.bytes) {
        inner.parse(inner.gathered, false);
        inner.gathered.clear();
    }
    return Reason::none;
}

Reason RequestReader::finish() {
    inner_->parse(inner_->gathered, true);
    inner_->gathered.clear();
    return Reason::none;
}

Asked RequestReader::asked() const {
    const Inner& inner = *inner_;
    const std::string_view space = inner.space;
    if (inner.broken || !inner.has_request || !space.starts_with(kSchemas) ||
        space.find(kRequestSchema) == std::string_view::npos) {
        return Asked::nothing;
    }
    if (space != kOurRequests || inner.schema != kOurAnswers) {
        return inner.schema.empty() ? Asked::nothing : Asked::other;
    }
    return is_address(inner.address) ? Asked::active_sync : Asked::nothing;
}

const std::string& RequestReader::address() const {
    return inner_->address;
}

bool is_address(std::string_view text) {
    constexpr std::string_view kNever = "\"()/:;<>?[\\]#%,";
    const std::size_t at = text.find('@');
    return at != std::string_view::npos && at != 0 && at + 1 < text.size() &&
           text.find('@', at + 1) == std::string_view::npos && text.size() <= kMostAddressBytes &&
           is_utf8(text) && std::ranges::all_of(text, [&](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte > 0x20 && byte != 0x7F && kNever.find(c) == std::string_view::npos;
           });
}

}  // namespace eg::filters::autodiscover
