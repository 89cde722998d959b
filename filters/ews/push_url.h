/// The URL to which a subscription has the mail server send its notifications.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace eg::filters::ews {

/// Whether `url` is https, to a host that `hosts` lists (lower case, `*` = any name with a dot),
/// without a user, and free of anything that two readers may take apart differently. Addresses are
/// never permitted, however they are written: Exchange signs in to whoever is named
/// (CVE-2018-8581).
[[nodiscard]] bool is_push_url_permitted(std::string_view url,
                                         const std::vector<std::string>& hosts);

}  // namespace eg::filters::ews
