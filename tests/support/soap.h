/// A Subscribe request of EWS as a mail app sends it, with a place for each thing that may be
/// wrong.
#pragma once

#include <string>

namespace eg::test {

struct Soap {
    std::string declaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
    std::string soap = "http://schemas.xmlsoap.org/soap/envelope/";
    std::string messages = "http://schemas.microsoft.com/exchange/services/2006/messages";
    std::string header{};
    std::string operation = "Subscribe";
    std::string request = "PushSubscriptionRequest";
    std::string attributes{};
    std::string folder = "<t:DistinguishedFolderId Id=\"inbox\"/>";
    std::string event = "NewMailEvent";
    std::string minutes = "30";
    std::string url = "https://push.example.com/notify/1";
    std::string more{};
    std::string after{};

    [[nodiscard]] std::string text() const {
        return declaration + "<s:Envelope xmlns:s=\"" + soap + "\" xmlns:m=\"" + messages +
               "\" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">" +
               header + "<s:Body><m:" + operation + "><m:" + request + attributes +
               "><t:FolderIds>" + folder + "</t:FolderIds><t:EventTypes><t:EventType>" + event +
               "</t:EventType></t:EventTypes><t:StatusFrequency>" + minutes +
               "</t:StatusFrequency><t:URL>" + url + "</t:URL>" + more + "</m:" + request +
               "></m:" + operation + ">" + after + "</s:Body></s:Envelope>";
    }
};

}  // namespace eg::test
