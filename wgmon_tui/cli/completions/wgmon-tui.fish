# Completion of wgmon-tui in fish. The program itself lists the words: wgmon-tui __complete fish WORD…

function __wgmon_tui_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete fish $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$current"
            case :directory
                __fish_complete_directories "$current"
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c wgmon-tui -f -a '(__wgmon_tui_words)'
complete -c wgmon -f -a '(__wgmon_tui_words)'
