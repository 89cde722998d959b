#include "filters/ews/soap.h"

#include <expat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "filters/ews/push_url.h"
#include "proxy/base/text.h"

namespace eg::filters::ews {

namespace {

constexpr std::string_view kSoap11 = "http://schemas.xmlsoap.org/soap/envelope/";
constexpr std::string_view kSoap12 = "http://www.w3.org/2003/05/soap-envelope";
constexpr std::string_view kMessages =
    "http://schemas.microsoft.com/exchange/services/2006/messages";
constexpr std::string_view kTypes = "http://schemas.microsoft.com/exchange/services/2006/types";
constexpr char kSeparator = '\n';  // between namespace and name; in no name
/// By these bytes expat knows UTF-16, whatever it was told. No text in UTF-8 has them.
constexpr std::string_view kNeverInUtf8("\0\xFE\xFF", 3);

enum class Space : std::uint8_t { soap, messages, types };

/// What an element may be, by its place.
enum class Node : std::uint8_t {
    document,
    envelope,
    header,
    server_version,
    culture,
    time_zone_context,
    time_zone,
    body,
    subscribe,
    push,
    folder_ids,
    inbox,
    event_types,
    event_type,
    watermark,
    frequency,
    url,
    caller_data,
};
constexpr std::size_t kNodes = 18;

/// Whether text stands in an element, and what it must be.
enum class Text : std::uint8_t { none, any, event, minutes, url };

struct Row {
    Node node;
    Node parent;
    Space space;
    const char* name;
    const char* attributes;  // permitted ones, between spaces
    Text text;
    bool repeats;
};

// The grammar. An element is known by its parent, namespace and name; what isn't here is refused.
constexpr std::array<Row, kNodes - 1> kRows{{
    {Node::envelope, Node::document, Space::soap, "Envelope", "", Text::none, false},
    {Node::header, Node::envelope, Space::soap, "Header", "", Text::none, false},
    {Node::server_version, Node::header, Space::types, "RequestServerVersion", " Version ",
     Text::none, false},
    {Node::culture, Node::header, Space::types, "MailboxCulture", "", Text::any, false},
    {Node::time_zone_context, Node::header, Space::types, "TimeZoneContext", "", Text::none, false},
    {Node::time_zone, Node::time_zone_context, Space::types, "TimeZoneDefinition", " Id Name ",
     Text::none, false},
    {Node::body, Node::envelope, Space::soap, "Body", "", Text::none, false},
    {Node::subscribe, Node::body, Space::messages, "Subscribe", "", Text::none, false},
    {Node::push, Node::subscribe, Space::messages, "PushSubscriptionRequest",
     " SubscribeToAllFolders ", Text::none, false},
    {Node::folder_ids, Node::push, Space::types, "FolderIds", "", Text::none, false},
    {Node::inbox, Node::folder_ids, Space::types, "DistinguishedFolderId", " Id ChangeKey ",
     Text::none, false},
    {Node::event_types, Node::push, Space::types, "EventTypes", "", Text::none, false},
    {Node::event_type, Node::event_types, Space::types, "EventType", "", Text::event, true},
    {Node::watermark, Node::push, Space::types, "Watermark", "", Text::any, false},
    {Node::frequency, Node::push, Space::types, "StatusFrequency", "", Text::minutes, false},
    {Node::url, Node::push, Space::types, "URL", "", Text::url, false},
    {Node::caller_data, Node::push, Space::types, "CallerData", "", Text::any, false},
}};

static_assert([] {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        if (kRows[i].node != static_cast<Node>(i + 1)) {
            return false;
        }
    }
    return true;
}());  // found by their node

/// [MS-OXWSNTIF] 2.2.5.3; notices without content.
constexpr std::array<std::string_view, 7> kEvents{
    "CopiedEvent", "CreatedEvent", "DeletedEvent",        "ModifiedEvent",
    "MovedEvent",  "NewMailEvent", "FreeBusyChangedEvent"};
constexpr std::uint64_t kMostMinutes = 1440;  // SubscriptionStatusFrequencyType

/// Expat's names: namespace, separator, name; only the name where there is no namespace.
struct Name {
    std::string_view space;
    std::string_view local;
};

Name split(const char* text) {
    const std::string_view whole(text);
    const std::size_t at = whole.rfind(kSeparator);
    return at == std::string_view::npos ? Name{{}, whole}
                                        : Name{whole.substr(0, at), whole.substr(at + 1)};
}

bool is_white(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string_view trim_xml(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

struct ParserFree {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

}  // namespace

struct SoapJudge::Inner {
    explicit Inner(const std::vector<std::string>& hosts);

    void start(const char* name, const char** attributes);
    void end();
    void text(std::string_view piece);
    void declaration(const char* version, const char* encoding);
    void refuse(const char* what, Reason why = Reason::ews);
    [[nodiscard]] const Row* row_of(const char* name);
    [[nodiscard]] bool attribute_fits(const Row& row, const char* name, std::string_view value);
    [[nodiscard]] Reason take(std::string_view piece);
    [[nodiscard]] Reason parse(std::string_view piece, bool last);
    void check_text(const Row& row);

    const std::vector<std::string>& push_hosts;
    std::unique_ptr<std::remove_pointer_t<XML_Parser>, ParserFree> parser;
    std::array<bool, kNodes> seen{};  // within the element around it; nothing repeats but one kind
    std::array<Node, 8> path{};       // of open elements; the table is six deep
    std::size_t depth = 0;
    std::string_view soap;  // the namespace of the envelope
    std::string content;    // of the element that is open, if it may hold text
    std::string push_url;
    std::string gathered;  // pieces that wait for enough more
    std::size_t bytes = 0;
    Reason reason = Reason::none;
    const char* detail = "";
};

SoapJudge::Inner::Inner(const std::vector<std::string>& hosts)
    : push_hosts(hosts), parser(XML_ParserCreateNS("UTF-8", kSeparator)) {
    if (parser == nullptr) {
        refuse("no memory");
        return;
    }
    XML_Parser p = parser.get();
    XML_SetUserData(p, this);
    XML_SetElementHandler(
        p,
        [](void* self, const char* name, const char** attributes) {
            static_cast<Inner*>(self)->start(name, attributes);
        },
        [](void* self, const char*) { static_cast<Inner*>(self)->end(); });
    XML_SetCharacterDataHandler(p, [](void* self, const char* data, int length) {
        static_cast<Inner*>(self)->text({data, static_cast<std::size_t>(length)});
    });
    XML_SetStartDoctypeDeclHandler(p, [](void* self, const char*, const char*, const char*, int) {
        static_cast<Inner*>(self)->refuse("a DOCTYPE");
    });
    XML_SetProcessingInstructionHandler(p, [](void* self, const char*, const char*) {
        static_cast<Inner*>(self)->refuse("a processing instruction");
    });
    // Readers differ in whether a comment cuts a text in two.
    XML_SetCommentHandler(
        p, [](void* self, const char*) { static_cast<Inner*>(self)->refuse("a comment"); });
    XML_SetXmlDeclHandler(p, [](void* self, const char* version, const char* encoding, int) {
        static_cast<Inner*>(self)->declaration(version, encoding);
    });
}

void SoapJudge::Inner::refuse(const char* what, Reason why) {
    if (reason == Reason::none) {
        reason = why;
        detail = what;
        if (parser != nullptr) {
            XML_StopParser(parser.get(), XML_FALSE);
        }
    }
}

void SoapJudge::Inner::declaration(const char* version, const char* encoding) {
    // The parser was told to read UTF-8; a document that says something else has two readings.
    if (encoding != nullptr && !iequals(encoding, "utf-8")) {
        refuse("an encoding other than UTF-8");
    } else if (version != nullptr && std::string_view(version) != "1.0") {
        refuse("a version of XML other than 1.0");
    }
}

const Row* SoapJudge::Inner::row_of(const char* text) {
    const Name name = split(text);
    const Node parent = depth == 0 ? Node::document : path[depth - 1];
    for (const Row& row : kRows) {
        if (row.parent != parent || name.local != row.name) {
            continue;
        }
        if (row.node == Node::envelope && (name.space == kSoap11 || name.space == kSoap12)) {
            soap = name.space == kSoap11 ? kSoap11 : kSoap12;
            return &row;
        }
        const std::string_view space = row.space == Space::soap       ? soap
                                       : row.space == Space::messages ? kMessages
                                                                      : kTypes;
        if (!space.empty() && name.space == space) {
            return &row;
        }
    }
    return nullptr;
}

bool SoapJudge::Inner::attribute_fits(const Row& row, const char* name, std::string_view value) {
    if (std::strchr(name, kSeparator) != nullptr) {
        return false;  // none of the table's has a namespace; xsi:type would change what it means
    }
    std::string wanted = " ";
    wanted += name;
    wanted += ' ';
    if (std::string_view(row.attributes).find(wanted) == std::string_view::npos) {
        return false;
    }
    if (row.node == Node::push) {
        return trim_xml(value) == "false" || trim_xml(value) == "0";
    }
    return row.node != Node::inbox || wanted != " Id " || value == "inbox";
}

void SoapJudge::Inner::start(const char* name, const char** attributes) {
    if (reason != Reason::none) {
        return;
    }
    const Row* row = row_of(name);
    if (row == nullptr || depth == path.size()) {
        refuse(depth >= 2 && path[1] == Node::header ? "a SOAP header that is not permitted"
               : depth == 2                          ? "an operation other than Subscribe"
                            : "an element that a push subscription doesn't have");
        return;
    }
    bool& already = seen[static_cast<std::size_t>(row->node)];
    const bool late_header =
        row->node == Node::header && seen[static_cast<std::size_t>(Node::body)];
    if ((already && !row->repeats) || late_header) {
        refuse("an element that stands there twice, or too late");
        return;
    }
    already = true;
    std::size_t count = 0;
    for (; attributes[0] != nullptr; attributes += 2, ++count) {
        if (!attribute_fits(*row, attributes[0], attributes[1])) {
            refuse("an attribute or a folder that is not permitted");
            return;
        }
    }
    if (row->node == Node::inbox && count == 0) {
        refuse("a folder without a name");
        return;
    }
    path[depth++] = row->node;
    content.clear();
}

void SoapJudge::Inner::text(std::string_view piece) {
    if (reason != Reason::none) {
        return;
    }
    const Row* row = depth == 0 ? nullptr : &kRows[static_cast<std::size_t>(path[depth - 1]) - 1];
    if (row == nullptr || row->text == Text::none) {
        if (!is_white(piece)) {
            refuse("text between elements");
        }
        return;
    }
    content += piece;
}

void SoapJudge::Inner::check_text(const Row& row) {
    const std::string_view value = trim_xml(content);
    switch (row.text) {
        case Text::none:
        case Text::any:
            return;
        case Text::event:
            if (std::ranges::find(kEvents, value) == kEvents.end()) {
                refuse("an unknown type of event");
            }
            return;
        case Text::minutes: {
            const auto minutes = parse_unsigned(value);
            if (!minutes || *minutes < 1 || *minutes > kMostMinutes) {
                refuse("a StatusFrequency that is not 1 to 1440 minutes");
            }
            return;
        }
        case Text::url:
            push_url = value;
            return;
    }
}

void SoapJudge::Inner::end() {
    if (reason != Reason::none || depth == 0) {
        return;
    }
    const Row& row = kRows[static_cast<std::size_t>(path[--depth]) - 1];
    check_text(row);
    content.clear();
}

Reason SoapJudge::Inner::take(std::string_view piece) {
    bytes += piece.size();
    if (reason == Reason::none && bytes > kMostBodyBytes) {
        refuse("more than 64 KiB");
    }
    if (piece.find_first_of(kNeverInUtf8) != std::string_view::npos) {
        refuse("bytes that aren't UTF-8", Reason::bad_request);
    }
    if (reason != Reason::none) {
        return reason;
    }
    // Expat begins an unfinished tag anew with each piece. That each is as long as all before it
    // keeps the work in proportion to the body, whatever the sender does.
    gathered += piece;
    if (gathered.size() * 2 < bytes) {
        return Reason::none;
    }
    const Reason objection = parse(gathered, false);
    gathered.clear();
    return objection;
}

Reason SoapJudge::Inner::parse(std::string_view piece, bool last) {
    if (reason != Reason::none) {
        return reason;
    }
    const auto status =
        XML_Parse(parser.get(), piece.data(), static_cast<int>(piece.size()), last ? 1 : 0);
    if (status != XML_STATUS_OK && reason == Reason::none) {
        reason = Reason::bad_request;
        detail = "not well-formed XML in UTF-8";
    }
    return reason;
}

SoapJudge::SoapJudge(const std::vector<std::string>& push_hosts)
    : inner_(std::make_unique<Inner>(push_hosts)) {}
SoapJudge::~SoapJudge() = default;
SoapJudge::SoapJudge(SoapJudge&&) noexcept = default;
SoapJudge& SoapJudge::operator=(SoapJudge&&) noexcept = default;

Reason SoapJudge::feed(std::string_view piece) {
    return inner_->take(piece);
}

Reason SoapJudge::finish() {
    Inner& inner = *inner_;
    if (inner.parse(inner.gathered, true) != Reason::none) {
        return inner.reason;
    }
    if (!inner.seen[static_cast<std::size_t>(Node::url)]) {
        inner.refuse("no push subscription with a URL");
    } else if (!is_push_url_permitted(inner.push_url, inner.push_hosts)) {
        inner.refuse("a URL that ews_push_hosts doesn't permit", Reason::ews_push_host);
    }
    return inner.reason;
}

const char* SoapJudge::detail() const {
    return inner_->detail;
}

}  // namespace eg::filters::ews
