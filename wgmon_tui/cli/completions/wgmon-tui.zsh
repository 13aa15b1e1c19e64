#compdef wgmon-tui wgmon
# Completion of wgmon-tui in zsh. The program itself lists the words: wgmon-tui __complete zsh WORD…

_wgmon-tui() {
    local line word meaning tab=$'\t'
    local -a lines described
    lines=("${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        case $line in
        :file) _files ;;
        :directory) _files -/ ;;
        *$tab*)
            word=${line%%$tab*} meaning=${line#*$tab}
            word=${word//\\/\\\\}
            described+=("${word//:/\\:}${meaning:+:$meaning}")
            ;;
        esac
    done
    (( $#described )) && _describe -V 'wgmon-tui' described
}

if [[ $funcstack[1] == _wgmon-tui ]]; then
    _wgmon-tui "$@"
else
    compdef _wgmon-tui wgmon-tui wgmon
fi
